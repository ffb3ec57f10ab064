// Writing a message: a form's fields, the map to draw and check areas, and what the node says of it all the while.
import { field, firstControl } from "../compose/fields.ts";
import type { Desk, Editor, Form, Place, Spec, Target } from "../compose/types.ts";
import { span } from "../compose/values.ts";
import { onEvent } from "../console/live.ts";
import { Board } from "../map/board.ts";
import { position } from "../map/coordinates.ts";
import { make, need, say, words } from "../map/dom.ts";
import { corners } from "../map/draw.ts";
import type { Thing } from "../map/types.ts";
import { around } from "../map/view.ts";
import { forSphere } from "../map/winding.ts";

const CHECK_MS = 350;

interface Lies {
  field: string;
  at: string;
  lon: number;
  lat: number;
  near: string[];
  own: string[];
}

interface Clash {
  degree: "near" | "meets" | "blocking";
  author: string;
  number: string;
  subject: string;
  where: string;
  metres: number;
  heights: string;
  field: string;
}

/** What is probably a slip (parley.app.sanity). */
interface Doubt {
  field: string;
  code: string;
  text: string;
  at: string;
  sea: boolean;
  far_km: number;
  meant: string;
  place: string;
  km: number;
}

interface Verdict {
  errors: Record<string, string>;
  missing: { field: string; label: string }[];
  broken: string[];
  lead: { seconds: number; agreed: number; short: boolean } | null;
  two: boolean;
  places: Lies[];
  things: Thing[];
  text: string;
  doubts: Doubt[];
  conflicts: Clash[];
}

const DOUBTS: Record<string, string> = {
  "place-exchanged": "Was it %(meant)s, with latitude and longitude exchanged?",
  "place-other-side": "Was it %(meant)s, with a minus or a letter of N, S, E, W wrong or missing?",
  "place-minutes": "Was it %(meant)s, and degrees and minutes were read as decimal degrees?",
  "place-zero": "This is where the equator meets the meridian of Greenwich: was a position left out?",
  "height-feet": "%(at)s m is higher than aircraft fly: was it %(at)s ft?",
  "area-large": "This area reaches %(km)s km from its middle.",
  "time-over": "All of this lies in the past.",
  "time-far": "This is more than a year ahead.",
};

const page = need<HTMLFormElement>("#compose");
const word = words(page);

/** A doubt in the reader's language: where a place lies, and what was likely meant. */
function doubted(doubt: Doubt): string {
  const values = { at: doubt.at, meant: doubt.meant, place: doubt.place, km: String(doubt.km), far: String(doubt.far_km) };
  const parts: string[] = [];
  if (doubt.sea) parts.push("This lies at sea.");
  else if (doubt.far_km > 0) parts.push("This is %(far)s km from all that is known here.");
  const said = DOUBTS[doubt.code];
  if (said !== undefined) parts.push(said);
  if (doubt.meant !== "" && doubt.place !== "") parts.push("That is %(km)s km from %(place)s.");
  return parts.length > 0 ? parts.map((part) => word(part, values)).join(" ") : doubt.text;
}

const form = JSON.parse(page.dataset["form"] ?? "null") as Form | null;

// -- a message that comes meanwhile (B11) ----------------------------------------------------------------------

const newer = need<HTMLElement>("#newer");
onEvent((name, data) => {
  if (name !== "change" || data["what"] !== "arrived" || !newer.hidden) return;
  newer.replaceChildren(
    make("b", {}, word("A message arrived while you were writing. Read it before you send.")),
    " ",
    make("a", { href: page.dataset["inbox"] ?? "", target: "_blank" }, word("Open the inbox")),
  );
  newer.hidden = false;
});

// -- free text -------------------------------------------------------------------------------------------------

const text = document.querySelector<HTMLTextAreaElement>("#text");
if (text !== null) {
  const size = need<HTMLElement>("#text-size");
  const most = Number(text.dataset["most"]);
  const show = (): void => {
    const bytes = new TextEncoder().encode(text.value).length;
    size.textContent = `${bytes} / ${most}`;
    text.setCustomValidity(bytes > most ? size.textContent : "");
  };
  text.addEventListener("input", show);
  show();
}

// -- a form ----------------------------------------------------------------------------------------------------

if (form !== null) start(form);

function start(chosen: Form): void {
  const canvas = need<HTMLCanvasElement>("#map");
  const board = new Board(canvas, { kind: "globe", lon: 10, lat: 45, scale: 300 }, { land: null, things: [], at: 0, chosen: "" });
  Object.assign(canvas, { board });
  const given = JSON.parse(page.dataset["values"] ?? "{}") as Record<string, unknown>;
  const verdict = need<HTMLElement>("#verdict");
  const under = need<HTMLElement>("#map-place");
  let others: Thing[] = [];
  let mine: Thing[] = [];
  let target: Target | null = null;
  let sketched: Place[] = [];
  let timer = 0;
  let asked = 0;
  let fitted = false;

  const desk: Desk = {
    word,
    changed: () => {
      clearTimeout(timer);
      page.dataset["pending"] = "yes";
      timer = window.setTimeout(() => void check(), CHECK_MS);
    },
    draw: (wanted) => {
      const on = target?.path !== wanted.path;
      target = on ? wanted : null;
      sketched = [];
      for (const button of page.querySelectorAll<HTMLElement>("[data-draw]")) {
        const active = target !== null && button.dataset["draw"] === target.path;
        button.setAttribute("aria-pressed", String(active));
      }
      if (target !== null) {
        say(word(target.kind() === "circle" ? "Click the centre, then a point on the edge." : target.single ? "Click the place." : "Click the corners. Enter adds the middle of the map."));
        canvas.focus();
        canvas.scrollIntoView({ block: "nearest" });
      }
      sketch();
      return on;
    },
  };

  const editors = new Map<string, Editor>();
  const build = (spec: Spec): HTMLElement => {
    const editor = field(spec, given[spec.name], desk);
    editors.set(spec.name, editor);
    return editor.node;
  };
  const more = chosen.fields.filter((spec) => spec.more);
  need("#fields").replaceChildren(...chosen.fields.filter((spec) => !spec.more).map(build));
  if (more.length > 0)
    need("#fields").append(make("details", { class: "more", open: more.some((s) => s.name in given) }, make("summary", {}, word("Handling, agreement, remarks")), ...more.map(build)));

  const read = (): Record<string, unknown> =>
    Object.fromEntries([...editors].map(([name, e]) => [name, e.read()]).filter(([, value]) => value !== undefined));

  function wanted(values: Record<string, unknown>): void {
    const mark = (spec: Spec): void => {
      const sign = page.querySelector<HTMLElement>(`[data-wanted="${spec.name}"]`);
      const rule = spec.required_if;
      const value = rule === null ? undefined : values[rule.field];
      const holds = rule !== null && value !== undefined && value !== "no" && (rule.among.length === 0 || rule.among.includes(String(value)));
      if (sign !== null) sign.hidden = !(spec.required || holds);
    };
    chosen.fields.forEach(mark);
  }

  async function check(): Promise<void> {
    timer = 0;
    const values = read();
    need<HTMLInputElement>("#values").value = JSON.stringify(values);
    wanted(values);
    const mineNow = ++asked;
    try {
      const answer = await fetch(page.dataset["check"] ?? "", {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-Parley-Csrf": need<HTMLMetaElement>('meta[name="csrf"]').content, "X-Parley-Live": "1" },
        body: JSON.stringify({ form: chosen.id, values }),
      });
      const told = (await answer.json()) as Verdict & { error?: { message: string } };
      if (mineNow !== asked) return;
      if (told.error) verdict.replaceChildren(make("p", { class: "bad" }, told.error.message));
      else show(told);
    } catch {
      if (mineNow === asked) verdict.replaceChildren(make("p", { class: "bad" }, word("The node does not answer; nothing was checked.")));
    }
    if (mineNow === asked && timer === 0) delete page.dataset["pending"];
  }

  function show(told: Verdict): void {
    for (const place of page.querySelectorAll<HTMLElement>("[data-fault]")) {
      const said = told.errors[place.dataset["fault"] ?? ""] ?? "";
      if (place.textContent !== said) place.textContent = said;
      place.hidden = said === "";
    }
    for (const control of page.querySelectorAll<HTMLElement>("[data-path]"))
      control.setAttribute("aria-invalid", String((control.dataset["path"] ?? "") in told.errors));
    for (const output of page.querySelectorAll<HTMLElement>("[data-lies]")) {
      const lies = told.places.find((p) => p.field === output.dataset["lies"]);
      output.replaceChildren(...(lies ? [make("b", {}, lies.at), " ", [...lies.near, ...lies.own.map((o) => `${word("Own plan")}: ${o}`)].join("; ")] : []));
    }
    verdict.replaceChildren(...judged(told));
    need<HTMLElement>("#two").hidden = !told.two;
    need("#preview").textContent = told.text;
    mine = told.things.map((t) => ({ ...t, mine: true, geometry: forSphere(t.geometry) }));
    board.scene.things = [...others, ...mine];
    if (!fitted && mine.length > 0) {
      fitted = true;
      fit();
    }
    board.redraw();
  }

  function judged(told: Verdict): HTMLElement[] {
    const found: HTMLElement[] = [];
    const line = (kind: string, text: string, to = ""): void => {
      const row = make("p", { class: `judged ${kind}` }, text);
      if (to !== "") {
        const go = make("button", { type: "button", class: "go" }, text);
        go.addEventListener("click", () => (editors.get(to.split(".")[0] ?? "")?.first() ?? null)?.focus());
        row.replaceChildren(go);
      }
      found.push(row);
    };
    for (const clash of told.conflicts) {
      const apart = clash.metres > 0 ? `, ${clash.metres} m` : "";
      line(clash.degree === "near" ? "wait" : "bad", `${word("Conflict")} (${word(clash.degree)}): ${clash.author} ${clash.number} ${clash.subject}, ${[`${clash.where}${apart}`, clash.heights].filter(Boolean).join(", ")}`, clash.field);
    }
    for (const doubt of told.doubts) line("wait", doubted(doubt), doubt.field);
    if (told.lead !== null) line(told.lead.short ? "bad" : "good", lead(told.lead));
    for (const [path, text] of Object.entries(told.errors)) line("bad", text, path);
    for (const text of told.broken) line("wait", text);
    if (told.missing.length > 0) line("wait", word("Still wanted: %(list)s", { list: told.missing.map((m) => m.label).join(", ") }), told.missing[0]?.field);
    else if (Object.keys(told.errors).length === 0 && told.broken.length === 0) line("good", word("Nothing is missing."));
    if (told.conflicts.length === 0 && told.things.length > 0) line("good", word("No conflict found. This is no clearance."));
    if (told.two) line("wait", word("A second officer must release this."));
    return found;
  }

  const long = (seconds: number): string => {
    const { n, unit } = span(seconds);
    return word(`%(n)s ${unit}`, { n: String(n) });
  };
  const lead = (given: { seconds: number; agreed: number; short: boolean }): string => {
    const said = given.seconds <= 0 ? word("It begins before this can be read.") : word("Notice: %(lead)s before it begins; agreed are %(agreed)s.", { lead: long(given.seconds), agreed: long(given.agreed) });
    return given.short ? `${word("SHORT NOTICE")}: ${said}` : said;
  };

  function fit(): void {
    const places = mine.flatMap((t) => corners(t.geometry));
    if (places.length > 0) board.look(around(places, canvas.clientWidth, canvas.clientHeight));
  }

  function sketch(): void {
    if (target === null) delete board.scene.sketch;
    else {
      const line = sketched.length > 1 && target.kind() !== "circle" ? { type: "LineString" as const, coordinates: sketched } : null;
      board.scene.sketch = { geometry: line, corners: sketched };
    }
    board.redraw();
  }

  function take(at: Place | null): void {
    if (target === null || at === null) return;
    target.add(at);
    sketched = target.kind() === "circle" && sketched.length >= 2 ? [at] : [...sketched, at];
    say(position(at[0], at[1]));
    if (target.single) desk.draw(target);
    else sketch();
  }

  board.onClick = (x, y) => take(board.place(x, y));
  canvas.addEventListener("keydown", (event) => {
    if (target === null) return;
    if (event.key === "Enter") take([board.view.lon, board.view.lat]);
    else if (event.key === "Backspace") target.undo();
    else if (event.key === "Escape") desk.draw(target);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = board.place(event.offsetX, event.offsetY);
    under.textContent = at === null ? "" : position(at[0], at[1]);
  });
  board.onMove = () => canvas.setAttribute("aria-label", `${word("Map")}, ${position(board.view.lon, board.view.lat)}`);
  need("#map-in").addEventListener("click", () => board.zoom(1.6));
  need("#map-out").addEventListener("click", () => board.zoom(1 / 1.6));
  need("#map-fit").addEventListener("click", fit);
  page.addEventListener("submit", (event) => {
    need<HTMLInputElement>("#values").value = JSON.stringify(read());
    const wrong = page.querySelector<HTMLElement>('[aria-invalid="true"]');
    if (wrong === null) return;
    event.preventDefault();
    (wrong.matches("input, select, textarea") ? wrong : firstControl(wrong))?.focus();
  });
  new MutationObserver(() => board.recolour()).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  void fetch(page.dataset["map"] ?? "", { headers: { Accept: "application/json", "X-Parley-Live": "1" } }).then(async (answer) => {
    if (!answer.ok) return;
    const told = (await answer.json()) as { now: number; things: Thing[] };
    board.scene.at = told.now;
    others = told.things.filter((t) => t.ended !== true && t.layer !== "conflict").map((t) => ({ ...t, geometry: forSphere(t.geometry) }));
    board.scene.things = [...others, ...mine];
    board.redraw();
  });
  desk.changed();
}
