// What every page of the console does: it lives, alarms, tells the time and obeys the keyboard.
import { alarm } from "../console/alarm.ts";
import { post } from "../console/ask.ts";
import { clock } from "../console/clock.ts";
import { keys } from "../console/keys.ts";
import { live, onEvent, redraw } from "../console/live.ts";
import { passkeys } from "../console/passkey.ts";

alarm();
clock();
keys();
passkeys();
live();

// Forms that need no page of their own to answer: the alarm's button.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form instanceof HTMLFormElement && form.matches("[data-quiet]")) {
    event.preventDefault();
    void post(form.action, new FormData(form)).then(() => redraw());
  }
});
for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => print());

// What is wider than its place is moved by the keyboard, too.
function reachable(): void {
  for (const box of document.querySelectorAll<HTMLElement>(".scroll:not(pre)")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
reachable();
window.addEventListener("resize", reachable);
onEvent((name) => name === "drawn" && reachable());
document.body.dataset["ready"] = "yes";
