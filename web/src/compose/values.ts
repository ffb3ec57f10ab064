// Between what the node reads and writes as text and what the fields of a page hold. Pure; tested without a browser.

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const GROUP = /^(\d\d)(\d\d)(\d\d)\s*Z?\s*([A-Z]{3})\s*(\d\d)(\d\d)?$/;
const PLAIN = /^(\d{4}-\d\d-\d\d)[T ]+(\d\d):?(\d\d)(?::\d\d)?\s*Z?$/;

/**
 * A time in UTC as the node reads it, of ``2026-03-01 08:00`` or a date-time group; undefined for nothing. What is
 * neither is passed on as it is, so that the node says what is wrong with it.
 */
export function timeOut(text: string): string | undefined {
  const given = text.trim().toUpperCase();
  if (given === "") return undefined;
  const plain = PLAIN.exec(given);
  if (plain) return `${plain[1] ?? ""}T${plain[2] ?? ""}:${plain[3] ?? ""}Z`;
  const group = GROUP.exec(given);
  if (!group) return text.trim();
  const [, day = "", hour = "", minute = "", name = "", year = ""] = group;
  const month = MONTHS.indexOf(name) + 1;
  const century = group[6] === undefined ? `20${year}` : `${year}${group[6]}`;
  return month === 0 ? text.trim() : `${century}-${String(month).padStart(2, "0")}-${day}T${hour}:${minute}Z`;
}

export function timeIn(value: unknown): string {
  return typeof value === "string" ? value.replace("T", " ").replace(/Z$/, "") : "";
}

/** ``Wed 251400Z NOV 26`` of what ``timeOut`` gives, so that one sees how it was read; empty when it is no time. */
export function timeShown(text: string | undefined, language: string): string {
  const at = new Date(/Z$/.test(text ?? "") ? (text ?? "") : Number.NaN);
  if (Number.isNaN(at.getTime())) return "";
  const two = (n: number): string => String(n).padStart(2, "0");
  const day = new Intl.DateTimeFormat(language, { weekday: "short", timeZone: "UTC" }).format(at);
  const group = `${two(at.getUTCDate())}${two(at.getUTCHours())}${two(at.getUTCMinutes())}Z ${MONTHS[at.getUTCMonth()] ?? ""} ${two(at.getUTCFullYear() % 100)}`;
  return `${day} ${group}`;
}

/** A window once, from two fields; undefined while one is empty. */
export function windowOut(from: string, to: string): string | undefined {
  const [a, b] = [timeOut(from), timeOut(to)];
  if (a === undefined && b === undefined) return undefined;
  return `${a ?? ""}/${b ?? ""}`;
}

export function windowIn(value: unknown): { daily: string; from: string; to: string } {
  const text = typeof value === "string" ? value : "";
  if (text.startsWith("daily")) return { daily: text, from: "", to: "" };
  const [from = "", to = ""] = text.split("/");
  return { daily: "", from: timeIn(from), to: timeIn(to) };
}

/** Lines of a box that are not empty. */
export function lines(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

export interface AreaFields {
  kind: "polygon" | "circle" | "corridor" | "point";
  places: string;
  size: string;
  edge: string;
  lower: string;
  upper: string;
  times: unknown[];
}

/** An area as forms take it; undefined when nothing was given. */
export function areaOut(given: AreaFields): Record<string, unknown> | undefined {
  const places = lines(given.places);
  if (places.length === 0 && given.times.length === 0 && given.lower === "" && given.upper === "") return undefined;
  const found: Record<string, unknown> = {};
  if (given.kind === "polygon" || given.kind === "corridor") {
    found[given.kind] = places;
    if (given.edge !== "" && given.edge !== "great-circle") found["edge"] = given.edge;
  } else found[given.kind] = places[0] ?? "";
  if (given.kind === "circle") found["radius"] = given.size.trim();
  if (given.kind === "corridor") found["width"] = given.size.trim();
  if (given.lower.trim() !== "") found["lower"] = given.lower.trim();
  if (given.upper.trim() !== "") found["upper"] = given.upper.trim();
  if (given.times.length > 0) found["times"] = given.times;
  return found;
}

export function areaIn(value: unknown): AreaFields | null {
  const given = (value ?? {}) as Record<string, unknown>;
  if ("shapes" in given) return null;
  const kind = (["polygon", "circle", "corridor", "point"] as const).find((k) => k in given) ?? "polygon";
  const places = given[kind] ?? [];
  const text = (name: string): string => (typeof given[name] === "string" ? (given[name] as string) : "");
  const times = given["times"] ?? [];
  return {
    kind,
    places: Array.isArray(places) ? places.join("\n") : String(places),
    size: kind === "circle" ? text("radius") : text("width"),
    edge: text("edge"),
    lower: text("lower"),
    upper: text("upper"),
    times: Array.isArray(times) ? times : [times],
  };
}

/** A length of time in the two words that fit: minutes, hours, days. */
export function span(seconds: number): { n: number; unit: "min" | "h" | "d" } {
  const s = Math.abs(seconds);
  if (s < 5400) return { n: Math.round(s / 60), unit: "min" };
  if (s < 172_800) return { n: Math.round(s / 3600), unit: "h" };
  return { n: Math.round(s / 86_400), unit: "d" };
}
