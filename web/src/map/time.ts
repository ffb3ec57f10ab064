// The time slider: what is in force at an instant, and where the slider goes. Times are POSIX seconds, UTC.

export type Stand = "now" | "coming" | "over" | "always";

export interface Range {
  from: number;
  to: number;
}

const HOUR = 3600;
const DAY = 24 * HOUR;

/** How something with these windows stands at an instant; without any it is always in force. The end is not included. */
export function stand(windows: readonly (readonly [number, number])[], at: number): Stand {
  if (windows.length === 0) return "always";
  let coming = false;
  for (const [from, to] of windows) {
    if (from <= at && at < to) return "now";
    if (at < from) coming = true;
  }
  return coming ? "coming" : "over";
}

/** Whether any window touches the range. */
export function within(windows: readonly (readonly [number, number])[], range: Range): boolean {
  return windows.length === 0 || windows.some(([from, to]) => from < range.to && range.from < to);
}

/** A range that begins before now and holds what is coming, at least two days and at most `most` days. */
export function fit(all: readonly (readonly [number, number])[], now: number, most = 60): Range {
  const from = Math.floor((now - 6 * HOUR) / HOUR) * HOUR;
  let to = from + 2 * DAY;
  for (const [, end] of all) if (end > now) to = Math.max(to, Math.min(end, from + most * DAY));
  return { from, to: Math.ceil(to / HOUR) * HOUR };
}

/** A step of the slider: about 400 in a range, of a length that people count in. */
export function step(range: Range): number {
  const wanted = (range.to - range.from) / 400;
  return [60, 300, 600, 900, 1800, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY].find((s) => s >= wanted) ?? 7 * DAY;
}

/** The next instant while playing; it begins again after the end. */
export function next(at: number, range: Range): number {
  const then = at + step(range);
  return then > range.to ? range.from : then;
}

const two = (n: number): string => String(n).padStart(2, "0");
const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/** ``251403Z NOV 26``. */
export function group(seconds: number): string {
  const d = new Date(seconds * 1000);
  const month = MONTHS[d.getUTCMonth()] ?? "";
  const time = `${two(d.getUTCDate())}${two(d.getUTCHours())}${two(d.getUTCMinutes())}Z`;
  return `${time} ${month} ${two(d.getUTCFullYear() % 100)}`;
}

/** ``2026-11-25 14:03``, UTC. */
export function field(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
}

/** What such a text says; NaN when it says no time. */
export function read(text: string): number {
  const found = /^\s*(\d{4})-(\d\d)-(\d\d)[T ]+(\d\d):?(\d\d)\s*Z?\s*$/i.exec(text);
  if (found === null) return Number.NaN;
  const [, year, month, day, hour, minute] = found.map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute) / 1000;
}
