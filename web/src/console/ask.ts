// Requests that change something carry the session's token.

export function token(): string {
  return document.querySelector<HTMLMetaElement>("meta[name=csrf]")?.content ?? "";
}

export async function post(address: string, fields: Record<string, string> | FormData): Promise<Response | undefined> {
  const body = fields instanceof FormData ? fields : new URLSearchParams(fields);
  const headers = { "X-Parley-CSRF": token() };
  try {
    return await fetch(address, { method: "POST", body, headers, redirect: "manual" });
  } catch {
    return undefined;
  }
}
