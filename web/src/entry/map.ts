// The map of a line: what was announced, one's own plans, where they clash, at one instant or over time.
import { onEvent } from "../console/live.ts";
import { Board } from "../map/board.ts";
import { position } from "../map/coordinates.ts";
import { make, need, say, words } from "../map/dom.ts";
import { extent, hit } from "../map/draw.ts";
import { field, fit, group, next, read, stand, step, within } from "../map/time.ts";
import type { Range } from "../map/time.ts";
import type { Layer, Thing } from "../map/types.ts";
import { around, least } from "../map/view.ts";
import type { Kind } from "../map/view.ts";
import { forSphere } from "../map/winding.ts";

const PLAY_MS = 160;
const FOLLOW_S = 30;
const LISTED = 300;
/** Pixels of the Earth's radius that a chosen point is shown at. */
const NEAR = 30_000;

const page = need<HTMLElement>("#map-page");
const word = words(page);
const canvas = need<HTMLCanvasElement>("#map");
const slider = need<HTMLInputElement>("#map-at");
const [from, to] = [need<HTMLInputElement>("#map-from"), need<HTMLInputElement>("#map-to")];
const when = need<HTMLOutputElement>("#map-when");
const list = need<HTMLUListElement>("#map-list");
const details = need<HTMLElement>("#map-details");
const play = need<HTMLButtonElement>("#map-play");
const search = need<HTMLInputElement>("#map-find");
const height = need<HTMLInputElement>("#map-height");

let things: Thing[] = [];
let range: Range = { from: 0, to: 1 };
let offset = 0;
let following = true;
let timer = 0;
let looked = false;

const board = new Board(canvas, { kind: "globe", lon: 0, lat: 30, scale: 300 }, { land: null, things: [], at: 0, chosen: "" });
// Tests move the map and measure drawing here.
Object.assign(canvas, { board });

const now = (): number => Math.floor(Date.now() / 1000) + offset;
const seen = (layer: Layer): boolean => need<HTMLInputElement>(`[data-layer~="${layer}"]`).checked;

/** What the layers, the height and the search leave. */
function left(): Thing[] {
  const wanted = search.value.trim().toLowerCase();
  const at = height.value === "" ? null : Number(height.value);
  return things.filter(
    (t) =>
      seen(t.layer) &&
      (wanted === "" || `${t.name} ${t.author ?? ""} ${t.form ?? ""}`.toLowerCase().includes(wanted)) &&
      (at === null || ((t.lower_m ?? -1e9) <= at && at <= (t.upper_m ?? 1e9))),
  );
}

/** What the node tells: all things, or those that changed after a version, and the ids of those that went. */
interface Told {
  now: number;
  version: string;
  whole: boolean;
  gone: string[];
  things: Thing[];
}

let version = "";
let loading = false;
let again = false;

async function load(): Promise<void> {
  again = true;
  if (loading) return;
  loading = true;
  try {
    while (again) {
      again = false;
      await take();
    }
  } finally {
    loading = false;
  }
}

async function take(): Promise<void> {
  const source = `${page.dataset["source"] ?? ""}?since=${encodeURIComponent(version)}`;
  const answer = await fetch(source, { headers: { Accept: "application/json", "X-Parley-Live": "1" } });
  if (!answer.ok || answer.status === 204) return;
  const told = (await answer.json()) as Told;
  version = told.version;
  offset = told.now - Math.floor(Date.now() / 1000);
  const kept = new Map(told.whole ? [] : things.map((t) => [t.id, t]));
  for (const id of told.gone) kept.delete(id);
  for (const t of told.things) kept.set(t.id, { ...t, geometry: forSphere(t.geometry) });
  things = [...kept.values()];
  if (!looked) {
    looked = true;
    setRange(fit(things.flatMap((t) => t.windows), told.now), told.now);
    all();
  }
  refresh();
  page.dataset["loaded"] = String(things.length);
}

function setRange(wanted: Range, at: number): void {
  range = wanted;
  from.value = field(range.from);
  to.value = field(range.to);
  slider.min = String(range.from);
  slider.max = String(range.to);
  slider.step = String(step(range));
  show(at);
}

function show(at: number): void {
  board.scene.at = Math.max(range.from, Math.min(range.to, at));
  slider.value = String(board.scene.at);
  const close = Math.abs(board.scene.at - now()) < 60;
  when.textContent = `${group(board.scene.at)}${following || close ? ` · ${word("now")}` : ""}`;
  slider.setAttribute("aria-valuetext", when.textContent);
  refresh();
}

function refresh(): void {
  board.scene.things = left();
  board.redraw();
  fill();
}

const ORDER: Layer[] = ["conflict", "alert", "site", "movement", "report", "announced", "plan", "place", "track"];

function row(t: Thing, how: string): HTMLElement {
  const chosen = String(t.id === board.scene.chosen);
  return make("li", {},
    make("button", { type: "button", class: `thing layer-${t.layer} stand-${how}`, "data-id": t.id, "aria-pressed": chosen },
      make("span", { class: "mark", "aria-hidden": "true" }),
      make("b", {}, t.name),
      make("small", {}, [t.author, word(how), t.heights].filter(Boolean).join(" · ")),
    ),
  );
}

function fill(): void {
  const kept = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["id"] : undefined;
  const rows = board.scene.things
    .filter((t) => t.ended !== true && within(t.windows, range))
    .map((t) => [t, stand(t.windows, board.scene.at)] as const)
    .sort((a, b) => ORDER.indexOf(a[0].layer) - ORDER.indexOf(b[0].layer) || a[0].name.localeCompare(b[0].name));
  list.replaceChildren(...rows.slice(0, LISTED).map(([t, how]) => row(t, how)));
  if (rows.length > LISTED)
    list.append(make("li", { class: "more" }, word("%(count)s more; search to see them", { count: String(rows.length - LISTED) })));
  need("#map-count").textContent = word("%(count)s shown", { count: String(rows.length) });
  if (kept !== undefined) list.querySelector<HTMLElement>(`[data-id="${CSS.escape(kept)}"]`)?.focus({ preventScroll: true });
}

function rowsOf(thing: Thing): [string, string][] {
  const found: [string, string | undefined][] = [
    [word("What"), word(thing.layer) + (thing.form ? ` · ${thing.form}` : "")],
    [word("From"), thing.author],
    [word("Middle"), thing.where],
    [word("Heights"), thing.heights || word("not limited")],
    [word("Times"), times(thing)],
    [word("Degree"), thing.degree && word(thing.degree)],
    [word("Apart"), thing.metres ? `${thing.metres} m` : undefined],
    [word("For"), thing.role],
  ];
  return found.filter((pair): pair is [string, string] => Boolean(pair[1]));
}

function pick(thing: Thing | undefined, centre: boolean): void {
  board.scene.chosen = thing?.id ?? "";
  for (const button of list.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset["id"] === thing?.id));
  if (thing === undefined) {
    details.replaceChildren(make("p", { class: "hint" }, word("Choose something on the map or in the list.")));
    board.redraw();
    return;
  }
  const link = thing.message ? `${page.dataset["messages"] ?? ""}${encodeURIComponent(thing.message)}` : (page.dataset["plans"] ?? "");
  details.replaceChildren(
    make("h2", {}, thing.name),
    make("dl", {}, ...rowsOf(thing).flatMap(([a, b]) => [make("dt", {}, a), make("dd", {}, b)])),
    ...(link !== ""
      ? [make("p", {}, make("a", { href: link, class: "button" }, word(thing.message ? "Open the message" : "Open the plans")))]
      : []),
  );
  say(`${thing.name}, ${thing.where}`);
  if (!centre) return board.redraw();
  const reach = Math.min(Math.max(extent(thing), 0.2) * 2.2, 80);
  const half = Math.min(canvas.clientWidth, canvas.clientHeight) / 2;
  const scale = Math.max(Math.min(half / Math.sin((reach * Math.PI) / 180), NEAR), least(canvas.clientWidth, canvas.clientHeight));
  board.look({ kind: "globe", lon: thing.middle[0], lat: thing.middle[1], scale });
}

function times(thing: Thing): string {
  if (thing.windows.length === 0) return word("always");
  const shown = thing.windows.slice(0, 3).map(([a, b]) => `${group(a)} – ${group(b)}`);
  return shown.join("; ") + (thing.windows.length > 3 ? ` (+${thing.windows.length - 3})` : "");
}

function all(): void {
  const places = left().filter((t) => t.ended !== true).map((t) => t.middle);
  board.look(around(places, canvas.clientWidth, canvas.clientHeight));
}

function stop(): void {
  clearInterval(timer);
  timer = 0;
  play.setAttribute("aria-pressed", "false");
}

slider.addEventListener("input", () => {
  following = false;
  show(Number(slider.value));
});
need("#map-now").addEventListener("click", () => {
  stop();
  following = true;
  if (now() < range.from || now() > range.to) setRange(fit(things.flatMap((t) => t.windows), now()), now());
  show(now());
});
play.addEventListener("click", () => {
  if (timer !== 0) return stop();
  following = false;
  play.setAttribute("aria-pressed", "true");
  timer = window.setInterval(() => show(next(board.scene.at, range)), PLAY_MS);
});
for (const box of [from, to])
  box.addEventListener("change", () => {
    const [a, b] = [read(from.value), read(to.value)];
    const wrong = Number.isNaN(a + b) ? word("A time is written 2026-03-01 08:00, in UTC.") : a < b ? "" : word("The end lies before the beginning.");
    box.setCustomValidity(wrong);
    if (wrong !== "") box.reportValidity();
    else setRange({ from: a, to: b }, board.scene.at);
  });
for (const box of document.querySelectorAll("[data-layer]")) box.addEventListener("change", refresh);
for (const box of [search, height]) box.addEventListener("input", refresh);
for (const button of document.querySelectorAll<HTMLButtonElement>("[data-view]"))
  button.addEventListener("click", () => {
    if (button.dataset["view"] === "all") all();
    else board.kind(button.dataset["view"] as Kind);
  });
need("#map-in").addEventListener("click", () => board.zoom(1.6));
need("#map-out").addEventListener("click", () => board.zoom(1 / 1.6));
list.addEventListener("click", (event) => {
  const id = (event.target as Element).closest<HTMLElement>("[data-id]")?.dataset["id"];
  if (id !== undefined) pick(things.find((t) => t.id === id), true);
});

let nth = 0;
let before = "";
board.onClick = (x, y) => {
  const found = hit(canvas, board.view, board.scene.things, board.scene.at, x, y);
  // Clicking again goes through what lies on top of one another.
  const here = found.map((t) => t.id).join();
  nth = here === before ? (nth + 1) % Math.max(1, found.length) : 0;
  before = here;
  pick(found[nth], false);
};
const under = need("#map-place");
canvas.addEventListener("pointermove", (event) => {
  const at = board.place(event.offsetX, event.offsetY);
  under.textContent = at === null ? "" : position(at[0], at[1]);
});
board.onMove = () => canvas.setAttribute("aria-label", `${word("Map")}, ${position(board.view.lon, board.view.lat)}`);
setInterval(() => {
  if (following) show(now());
}, FOLLOW_S * 1000);
new MutationObserver(() => board.recolour()).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
onEvent((name) => {
  if (name === "change" || name === "reset" || name === "back") void load();
});
pick(undefined, false);
void load();
