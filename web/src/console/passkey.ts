// Passkeys: the node asks, the browser answers, nothing is kept here.

import { token } from "./ask.ts";
import { go } from "./live.ts";

interface Ceremony {
  readonly ceremony: string;
  readonly options: Record<string, unknown>;
}

export class Refused extends Error {}

async function ask<T>(address: string, body: unknown): Promise<T> {
  const headers = { "Content-Type": "application/json", Accept: "application/json", "X-Parley-CSRF": token() };
  const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(body) });
  const said = (await answer.json()) as T & { error?: { message: string; next_step: string } };
  if (said.error) throw new Refused(`${said.error.message} ${said.error.next_step}`);
  return said;
}

/** The passkey's word over what `begin` asks for, handed to `finish`. */
export async function sign<T>(begin: string, finish: string, about: Record<string, unknown> = {}): Promise<T> {
  const asked = await ask<Ceremony>(begin, about);
  if (document.body.dataset["demo"] === "yes") {
    // A demonstration's passkey is in software, at the node.
    const response = await ask<unknown>("/demo/passkey", { options: asked.options });
    return ask<T>(finish, { ceremony: asked.ceremony, response });
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked.options as unknown as PublicKeyCredentialRequestOptionsJSON);
  const given = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
  return ask<T>(finish, { ceremony: asked.ceremony, response: given.toJSON() });
}

async function enrol(code: string): Promise<{ said: string; waits: boolean }> {
  const asked = await ask<Ceremony>("/enrol/begin", { code });
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(asked.options as unknown as PublicKeyCredentialCreationOptionsJSON);
  const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  return ask("/enrol/finish", { ceremony: asked.ceremony, response: made.toJSON() });
}

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function passkeys(): void {
  const say = (id: string, text: string): void => {
    const shown = document.getElementById(id);
    if (shown) shown.textContent = text;
  };
  document.getElementById("passkey")?.addEventListener("click", () => {
    say("passkey-said", "");
    sign<{ to: string }>("/sign-in/begin", "/sign-in/finish")
      .then(({ to }) => go(to))
      .catch((error: unknown) => say("passkey-said", words(error)));
  });
  document.getElementById("enrol")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const code = new FormData(event.target as HTMLFormElement).get("code");
    enrol(String(code))
      .then(({ said }) => say("enrol-said", said))
      .catch((error: unknown) => say("enrol-said", words(error)));
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const address = form instanceof HTMLFormElement ? form.dataset["sign"] : undefined;
    if (!(form instanceof HTMLFormElement) || address === undefined) return;
    event.preventDefault();
    const shown = form.querySelector<HTMLElement>("[data-said]");
    const fields = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
    sign<{ to: string }>(`${address}/begin`, `${address}/finish`, fields)
      .then(({ to }) => go(to))
      .catch((error: unknown) => {
        const flash = form.dataset["flash"];
        if (shown) shown.textContent = `${words(error)} ${flash ?? ""}`;
        // FLASH waits for no passkey: the next press goes without one, and the record says so.
        if (flash !== undefined) delete form.dataset["sign"];
      });
  });
  document.addEventListener("click", (event) => {
    const button = event.target;
    if (!(button instanceof HTMLButtonElement) || !button.dataset["approve"]) return;
    sign<{ said: string }>("/officers/approve/begin", "/officers/approve/finish", { key: button.dataset["approve"] })
      .then(({ said }) => {
        say("approve-said", said);
        button.remove();
      })
      .catch((error: unknown) => say("approve-said", words(error)));
  });
}
