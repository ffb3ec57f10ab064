// Live pages: events from the node; elements with `data-live` and an id are drawn anew from the page's own address.
// The answer is parsed by XMLHttpRequest into a document of its own, in which no script runs (Trusted Types hold).

import { morph } from "./morph.ts";

const SILENCE_MS = 5000;
const HELD_MS = 3000;

type Listener = (name: string, data: Record<string, unknown>) => void;
const listeners: Listener[] = [];

export function onEvent(listener: Listener): void {
  listeners.push(listener);
}

let wanted = false;
let drawing = false;
/** A form of this page is on its way: what the page shows may be gone already, and the answer brings the next one. */
let sending = false;
addEventListener("submit", (event) => {
  const dialog = (event.target as HTMLFormElement).method === "dialog";
  if (event.defaultPrevented || dialog) return;
  sending = true;
  // An answer that is a file to save leaves the page where it is: it lives on.
  window.setTimeout(() => {
    sending = false;
    if (wanted) void redraw();
  }, 3_000);
});
addEventListener("pageshow", () => (sending = false));

/** To another page; what happens until it is there does not draw this one anew. */
export function go(address: string): void {
  sending = true;
  location.assign(address);
}

/** Who holds a button down has not pressed it yet: what lies under it stays until it is let go. */
let held: Promise<void> | null = null;
let letGo: () => void = () => undefined;

function hold(): void {
  if (held) return;
  held = new Promise((done) => (letGo = done));
  // A key whose release another window took is not held for ever: news goes first then.
  window.setTimeout(release, HELD_MS);
}

function release(): void {
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

function fetchPage(): Promise<Document> {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("GET", location.href);
    request.responseType = "document";
    request.setRequestHeader("X-Parley-Live", "1");
    request.onload = () => (request.status < 500 && request.responseXML ? done(request.responseXML) : failed(request.status));
    request.onerror = () => failed(0);
    request.send();
  });
}

export async function redraw(): Promise<void> {
  wanted = true;
  if (drawing || sending) return;
  drawing = true;
  try {
    while (wanted) {
      wanted = false;
      const fresh = await fetchPage();
      while (held) await held;
      if (sending) return;
      if (fresh.body.dataset["officer"] !== document.body.dataset["officer"]) {
        location.reload();
        return;
      }
      for (const now of document.querySelectorAll<HTMLElement>("[data-live][id]")) {
        const next = fresh.getElementById(now.id);
        if (next && next.innerHTML !== now.innerHTML) morph(now, next);
      }
      for (const listener of listeners) listener("drawn", {});
    }
  } catch {
    // The stream says when the node is gone; the next event draws again.
  } finally {
    drawing = false;
  }
}

let last = 0;

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
  const source = new EventSource("/events");
  const heard = (event: MessageEvent<string>): void => {
    last = performance.now();
    showLost(false);
    const data = JSON.parse(event.data) as Record<string, unknown>;
    for (const listener of listeners) listener(event.type, data);
    if (event.type !== "beat") void redraw();
  };
  for (const name of ["beat", "change", "watching", "reset"]) source.addEventListener(name, heard);
  source.onerror = () => {
    if (!leaving) showLost(true);
    if (source.readyState === EventSource.CLOSED) window.setTimeout(listen, 2000);
  };
  window.addEventListener("pagehide", () => source.close(), { once: true });
}

let leaving = false;

export function live(): void {
  last = performance.now();
  window.addEventListener("pagehide", () => (leaving = true));
  listen();
  setInterval(() => showLost(lost()), 500);
}
