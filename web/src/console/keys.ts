// The keyboard: `?` lists it. Keys do nothing while one writes in a field.

import { hush } from "./alarm.ts";

let going = false;

const writing = (at: Element | null): boolean =>
  at instanceof HTMLTextAreaElement ||
  at instanceof HTMLSelectElement ||
  (at instanceof HTMLInputElement && !["radio", "checkbox", "submit"].includes(at.type));

function move(by: number): void {
  const items = [...document.querySelectorAll<HTMLElement>("main .list a")];
  if (items.length === 0) return;
  const at = items.indexOf(document.activeElement as HTMLElement);
  const next = items[Math.min(items.length - 1, Math.max(0, at < 0 ? (by > 0 ? 0 : items.length - 1) : at + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function go(key: string): boolean {
  if (key === "h") {
    location.assign("/");
    return true;
  }
  const link = document.querySelector<HTMLAnchorElement>(`.menu a[data-key="${CSS.escape(key)}"]`);
  link?.click();
  return link !== null;
}

function use(key: string): boolean {
  const found = document.querySelector<HTMLElement>(`main [data-hotkey="${CSS.escape(key)}"]`);
  if (!found) return false;
  if (found instanceof HTMLDetailsElement) {
    found.open = true;
    found.querySelector<HTMLElement>("textarea, input:not([type=hidden]), select, button")?.focus();
  } else if (found.matches("textarea, input, select")) found.focus();
  else found.click();
  return true;
}

export function keys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "F9") {
      if (hush()) event.preventDefault();
      return;
    }
    if (writing(document.activeElement) || document.querySelector("dialog[open]")) return;
    let used = true;
    if (going) {
      going = false;
      used = go(event.key);
    } else if (event.key === "g") going = true;
    else if (event.key === "?") (document.getElementById("keys") as HTMLDialogElement).showModal();
    else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "/") {
      const field = document.querySelector<HTMLElement>("#search");
      if (field) field.focus();
      else used = go("s");
    } else used = use(event.key);
    if (used) event.preventDefault();
  });
}
