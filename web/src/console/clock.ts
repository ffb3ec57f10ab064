// The node's clock, which stops when the node does not answer: an hour that is shown is one that the node said.

import { onEvent } from "./live.ts";

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const two = (n: number): string => String(n).padStart(2, "0");

export function clock(): void {
  const shown = document.getElementById("clock");
  if (!shown) return;
  let now = Number(shown.dataset["now"]);
  let offset = Number(shown.dataset["offset"]);
  let base = performance.now();
  let stopped = false;
  const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
  const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone: "UTC" });
  const part = (name: string): HTMLElement | null => shown.querySelector(`[data-${name}]`);
  const [utc, group, local] = [part("utc"), part("group"), part("local")];
  const draw = (): void => {
    if (stopped) return;
    const at = now + Math.floor((performance.now() - base) / 1000);
    const moment = new Date(at * 1000);
    const there = new Date((at + offset) * 1000);
    const sign = offset < 0 ? "-" : "+";
    const ahead = `${sign}${two(Math.floor(Math.abs(offset) / 3600))}:${two(Math.floor((Math.abs(offset) % 3600) / 60))}`;
    const set = (to: HTMLElement | null, text: string): void => {
      if (to && to.textContent !== text) to.textContent = text;
    };
    const hours = (d: Date): string => `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
    set(utc, `${hours(moment)}:${two(moment.getUTCSeconds())}Z ${day.format(moment)}`);
    set(group, `${two(moment.getUTCDate())}${hours(moment).replace(":", "")}Z ${MONTHS[moment.getUTCMonth()] ?? ""} ${String(moment.getUTCFullYear()).slice(2)}`);
    set(local, `${hours(there)} ${day.format(there)} ${ahead}`);
    for (const until of document.querySelectorAll<HTMLElement>("[data-deadline]")) {
      const left = Number(until.dataset["deadline"]) - at;
      until.classList.toggle("late", left < 0);
    }
  };
  onEvent((name, data) => {
    if (name === "beat") {
      now = Number(data["now"]);
      offset = Number(data["offset_s"]);
      base = performance.now();
      stopped = false;
    }
    if (name === "lost") stopped = true;
  });
  draw();
  setInterval(draw, 250);
}
