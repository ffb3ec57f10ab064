// The alarm: what sounds, how loud, and whether it can be heard at all.
//
// The page says what is sounding (`#alarm [data-level]`). The sound is made here, repeats until an officer acknowledges
// the alarm, and is louder and faster with precedence. A browser plays nothing before it was asked to: so the alarm is
// armed by a button that plays it and asks whether it was heard, and the node is told at once when it falls silent.

import { post } from "./ask.ts";
import { onEvent } from "./live.ts";

interface Pattern {
  readonly every: number;
  readonly gain: number;
  readonly tones: readonly (readonly [hertz: number, seconds: number])[];
}

const PATTERNS: Readonly<Record<number, Pattern>> = {
  1: { every: 20_000, gain: 0.15, tones: [[660, 0.25]] },
  2: { every: 8_000, gain: 0.35, tones: [[660, 0.2], [880, 0.25]] },
  3: { every: 4_000, gain: 0.65, tones: [[880, 0.22], [660, 0.22], [880, 0.3]] },
  4: { every: 1_500, gain: 1, tones: [[980, 0.18], [660, 0.18], [980, 0.18], [660, 0.18], [980, 0.35]] },
};
const LOST: Pattern = { every: 3_000, gain: 0.8, tones: [[400, 0.5], [300, 0.7]] };

let sound: AudioContext | undefined;
let armed = false;
let nodeLost = false;
let timer: number | undefined;
let playing: Pattern | undefined;
/** How often the alarm was played on this page: for tests, since no one hears a headless browser. */
let played = 0;

function play(pattern: Pattern): void {
  played += 1;
  document.body.dataset["played"] = String(played);
  if (!sound || sound.state !== "running") return;
  let at = sound.currentTime + 0.02;
  for (const [hertz, seconds] of pattern.tones) {
    const tone = sound.createOscillator();
    const loud = sound.createGain();
    tone.type = "square";
    tone.frequency.value = hertz;
    loud.gain.setValueAtTime(0, at);
    loud.gain.linearRampToValueAtTime(pattern.gain * 0.5, at + 0.01);
    loud.gain.setValueAtTime(pattern.gain * 0.5, at + seconds - 0.02);
    loud.gain.linearRampToValueAtTime(0, at + seconds);
    tone.connect(loud).connect(sound.destination);
    tone.start(at);
    tone.stop(at + seconds);
    at += seconds + 0.05;
  }
}

function wanted(): Pattern | undefined {
  if (nodeLost) return LOST;
  const level = Number(document.querySelector<HTMLElement>("#alarm [data-level]")?.dataset["level"] ?? 0);
  return PATTERNS[level];
}

function update(): void {
  look();
  const pattern = wanted();
  document.body.dataset["sounding"] = pattern ? "yes" : "no";
  document.title = document.title.replace(/^(⚠ )?/, pattern ? "⚠ " : "");
  if (pattern === playing) return;
  playing = pattern;
  clearInterval(timer);
  if (!pattern) return;
  play(pattern);
  timer = window.setInterval(() => play(pattern), pattern.every);
}

function show(): void {
  const button = document.getElementById("arm");
  const warning = document.getElementById("unarmed");
  if (warning) warning.hidden = armed;
  if (!button) return;
  button.setAttribute("aria-pressed", String(armed));
  const label = armed ? button.dataset["armed"] : button.dataset["unarmed"];
  if (label) button.textContent = label;
}

async function setArmed(now: boolean): Promise<void> {
  armed = now;
  show();
  await post("/arm", { armed: now ? "yes" : "no" });
}

function test(): void {
  sound ??= new AudioContext();
  void sound.resume().then(() => play(PATTERNS[3]!));
  const dialog = document.getElementById("heard") as HTMLDialogElement | null;
  dialog?.showModal();
}

/** Another page of this console was armed: go on here, if this browser lets us; say so if it does not. */
function goOn(): void {
  sound = new AudioContext();
  const settle = (): void => {
    if (sound?.state === "running" && !armed) void setArmed(true);
  };
  void sound.resume().then(settle);
  window.setTimeout(() => {
    if (sound?.state !== "running") void setArmed(false);
  }, 1_000);
  const again = (): void => void sound?.resume().then(settle);
  document.addEventListener("pointerdown", again, { once: true });
  document.addEventListener("keydown", again, { once: true });
}

/** Who presses F9 within this time after an alarm took the first place has not seen it yet. */
const SEEN_MS = 700;
let first = "";
let before = "";
let since = -Infinity;

const listed = (id: string): HTMLElement | null =>
  id === "" ? null : document.querySelector<HTMLElement>(`#alarm li[data-id="${CSS.escape(id)}"]`);

/** Notices which alarm stands first, and since when. */
function look(): void {
  const now = document.querySelector<HTMLElement>("#alarm li")?.dataset["id"] ?? "";
  if (now === first) return;
  before = first;
  first = now;
  since = performance.now();
}

/** Acknowledges the first alarm; the one before it where a newer one took its place under the hand that pressed. */
export function hush(): boolean {
  look();
  const meant = (performance.now() - since < SEEN_MS && listed(before)) || listed(first);
  const button = meant?.querySelector<HTMLButtonElement>(".hush");
  button?.click();
  return button !== undefined && button !== null;
}

/** Keeps ``--above`` as high as the alarm that stands at the top of the page, so that nothing hides behind it. */
function clear(): void {
  const above = document.querySelector<HTMLElement>(".alarm");
  if (above === null) return;
  const set = (): void => document.documentElement.style.setProperty("--above", `${above.offsetHeight}px`);
  new ResizeObserver(set).observe(above);
}

export function alarm(): void {
  clear();
  const button = document.getElementById("arm");
  if (button) {
    button.dataset["unarmed"] = button.textContent ?? "";
    button.addEventListener("click", test);
    const dialog = document.getElementById("heard") as HTMLDialogElement | null;
    dialog?.addEventListener("close", () => void setArmed(dialog.returnValue === "yes"));
    if (document.body.dataset["armed"] === "yes") goOn();
  }
  show();
  update();
  onEvent((name) => {
    if (name === "lost") nodeLost = true;
    if (name === "back") nodeLost = false;
    if (name === "lost" || name === "back" || name === "drawn") update();
    if (name === "back" && armed) void setArmed(true);
  });
}
