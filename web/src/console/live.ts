// Live pages: events from the node; elements with `data-live` and an id are drawn anew from the page's own address.
// The answer is parsed by XMLHttpRequest into a document of its own, in which no script runs (Trusted Types hold).

import { morph } from "./morph.ts";

const SILENCE_MS = 5000;
/** The node answers within this time, or the answer is asked for again. */
const ANSWER_MS = 20_000;
const AGAIN_MS = 2_000;
const HELD_MS = 3000;
const STAY_MS = 3000;

type Listener = (name: string, data: Record<string, unknown>) => void;
const listeners: Listener[] = [];

export function onEvent(listener: Listener): void {
  listeners.push(listener);
}

let wanted = false;
let drawing = false;
/** A form of this page is on its way: what the page shows may be gone already, and the answer brings the next one. */
let sending = false;
let staying: number | undefined;

/** What happens until the next page is there does not draw this one anew. */
function leave(): void {
  sending = true;
  clearTimeout(staying);
  // An answer that is a file to save, or none, leaves the page where it is: it lives on.
  staying = window.setTimeout(() => {
    sending = false;
    if (wanted) void redraw();
  }, STAY_MS);
}

addEventListener("submit", (event) => {
  const dialog = (event.target as HTMLFormElement).method === "dialog";
  if (!event.defaultPrevented && !dialog) leave();
});
addEventListener("pageshow", (event) => {
  sending = false;
  // A page that was kept while another was shown has no stream any more.
  if (event.persisted) location.reload();
});

/** To another page. */
export function go(address: string): void {
  leave();
  location.assign(address);
}

/** Who holds a button down has not pressed it yet: what lies under it stays until it is let go. */
let held: Promise<void> | null = null;
let letGo: () => void = () => undefined;
let longest: number | undefined;

function hold(): void {
  if (held) return;
  held = new Promise((done) => (letGo = done));
  // A key whose release another window took is not held for ever: news goes first then.
  longest = window.setTimeout(release, HELD_MS);
}

function release(): void {
  clearTimeout(longest);
  // The click comes after the release, and is to find the page as it was.
  window.setTimeout(() => {
    held = null;
    letGo();
  }, 0);
}

for (const pressed of ["pointerdown", "keydown"]) addEventListener(pressed, hold, { capture: true });
for (const done of ["pointerup", "pointercancel", "keyup", "dragend"]) addEventListener(done, release, { capture: true });
// The window, not a field in it: pressing a button takes the focus from where it was.
addEventListener("blur", (event) => event.target === window && release());

const NOTHING_NEW = 204;
/** The session of this page is over: its forms would be refused. */
const SESSION_OVER = 409;

/** A page of the node's; null where it says that nothing changed. */
function fetchPage(address: string): Promise<Document | null> {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.setRequestHeader("X-Parley-Live", "1");
    request.onload = () => {
      if (request.status === SESSION_OVER) {
        anew();
        done(null);
      } else if (request.status === NOTHING_NEW) done(null);
      else if (request.status < 500 && request.responseXML) done(request.responseXML);
      else failed(request.status);
    };
    request.onerror = request.ontimeout = () => failed(0);
    request.timeout = ANSWER_MS;
    request.send();
  });
}

/** Whether the page is being left: nothing is drawn now, and what came is asked for again where it stays. */
function parting(): boolean {
  wanted ||= sending;
  return sending;
}

/** Loads everything anew. */
function anew(): void {
  leave();
  location.reload();
}

/** Somebody else's page, or nobody's: everything is loaded anew. */
function ours(fresh: Document): boolean {
  if (fresh.body.dataset["officer"] === document.body.dataset["officer"]) return true;
  anew();
  return false;
}

async function whole(address: string): Promise<void> {
  const fresh = await fetchPage(address);
  while (held) await held;
  if (fresh === null || parting() || !ours(fresh)) return;
  for (const now of document.querySelectorAll<HTMLElement>("[data-live][id]")) {
    const next = fresh.getElementById(now.id);
    if (next === null) continue;
    const version = next.dataset["version"];
    if (version !== undefined) now.dataset["version"] = version;
    if (next.innerHTML !== now.innerHTML) morph(now, next);
  }
}

/** Asks what changed in a list since its version, and draws that; false where a row is missing that stands there now. */
async function changes(list: HTMLElement): Promise<boolean> {
  const address = list.dataset["changes"] ?? "";
  const since = encodeURIComponent(list.dataset["version"] ?? "");
  const fresh = await fetchPage(`${address}${address.includes("?") ? "&" : "?"}since=${since}`);
  while (held) await held;
  if (fresh === null || parting() || !ours(fresh)) return true;
  const drawn: [HTMLElement, [HTMLElement, HTMLElement | undefined][]][] = [];
  for (const next of fresh.querySelectorAll<HTMLElement>("[data-order]")) {
    const now = document.getElementById(next.id);
    const order = (next.dataset["order"] ?? "").split(" ").filter(Boolean);
    const rows = now === null ? null : arranged(now, next, order);
    // The first row of an empty list, and the last that goes: there is more to draw than rows.
    if (order.length === 0 && now === null) continue;
    if (now === null || rows === null || order.length === 0) return false;
    drawn.push([now, rows]);
  }
  for (const [now, rows] of drawn) arrange(now, rows);
  for (const next of fresh.querySelectorAll<HTMLElement>("[data-part][id]")) {
    const now = document.getElementById(next.id);
    if (now && !now.isEqualNode(next)) morph(now, next);
  }
  list.dataset["version"] = fresh.body.dataset["version"] ?? "";
  return true;
}

const byId = (rows: Iterable<Element>): Map<string, HTMLElement> =>
  new Map([...(rows as Iterable<HTMLElement>)].map((row) => [row.dataset["id"] ?? "", row]));

/** The rows of a list in their order: those that stand there, and new ones from the answer; null where one is in neither. */
function arranged(now: HTMLElement, next: HTMLElement, order: readonly string[]): [HTMLElement, HTMLElement | undefined][] | null {
  const [have, fresh] = [byId(now.children), byId(next.children)];
  const rows = order.map((id): [HTMLElement | undefined, HTMLElement | undefined] => {
    const [old, made] = [have.get(id), fresh.get(id)];
    return old === undefined && made !== undefined ? [document.importNode(made, true), undefined] : [old, made];
  });
  return rows.every((row): row is [HTMLElement, HTMLElement | undefined] => row[0] !== undefined) ? rows : null;
}

/** Puts the rows in place; what changed is drawn anew where it stands, and the rest is left alone. */
function arrange(now: HTMLElement, rows: readonly [HTMLElement, HTMLElement | undefined][]): void {
  const kept = new Set<Element>(rows.map(([row]) => row));
  for (const row of [...now.children]) if (!kept.has(row)) row.remove();
  let at: Element | null = now.firstElementChild;
  for (const [row, made] of rows) {
    if (row === at) at = at.nextElementSibling;
    else now.insertBefore(row, at);
    if (made !== undefined) morph(row, made);
  }
}

let again: number | undefined;

export async function redraw(): Promise<void> {
  wanted = true;
  clearTimeout(again);
  if (drawing || sending) return;
  drawing = true;
  try {
    while (wanted) {
      wanted = false;
      const list = document.querySelector<HTMLElement>("[data-changes]");
      // The new line of a list first, then what stands above every page; the whole only where that does not do.
      const drawn = list !== null && (await changes(list));
      if (parting()) return;
      await whole((drawn && list.dataset["head"]) || location.href);
      if (parting()) return;
      for (const listener of listeners) listener("drawn", {});
    }
  } catch {
    // What was told is asked for again, whatever the clock says of the node: it may be back before the page says that
    // it was gone, and no other event may come for hours.
    again = window.setTimeout(() => void redraw(), AGAIN_MS);
  } finally {
    drawing = false;
  }
}

let last = 0;
/** The newest event that this page was told of, or was drawn after: what came later is told when the stream begins. */
let known = "";

export function lost(): boolean {
  return last > 0 && performance.now() - last > SILENCE_MS;
}

function showLost(gone: boolean): void {
  const banner = document.getElementById("lost");
  if (!banner || banner.hidden !== gone) return;
  banner.hidden = !gone;
  document.body.classList.toggle("node-lost", gone);
  for (const listener of listeners) listener(gone ? "lost" : "back", {});
  if (!gone) void redraw();
}

function listen(): void {
  const source = new EventSource(`/events?after=${encodeURIComponent(known)}`);
  const heard = (event: MessageEvent<string>): void => {
    last = performance.now();
    if (event.lastEventId !== "") known = event.lastEventId;
    showLost(false);
    const data = JSON.parse(event.data) as Record<string, unknown>;
    for (const listener of listeners) listener(event.type, data);
    if (event.type !== "beat") void redraw();
  };
  for (const name of ["beat", "change", "watching", "reset"]) source.addEventListener(name, heard);
  source.onopen = () => {
    last = performance.now();
    showLost(false);
  };
  source.onerror = () => {
    if (!leaving) showLost(true);
    if (source.readyState === EventSource.CLOSED) window.setTimeout(listen, 2000);
  };
  window.addEventListener("pagehide", () => source.close(), { once: true });
}

let leaving = false;

export function live(): void {
  last = performance.now();
  known = document.body.dataset["after"] ?? "";
  window.addEventListener("pagehide", () => (leaving = true));
  listen();
  // What is lost stays lost until the node gives a sign of life.
  setInterval(() => lost() && showLost(true), 500);
}
