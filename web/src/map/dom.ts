// Small helpers that build the page from nodes.

export function need<T extends Element>(selector: string, from: ParentNode = document): T {
  const found = from.querySelector<T>(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}

type Child = Node | string | null | undefined | false;

/** An element with attributes and children; strings become text. */
export function make<K extends keyof HTMLElementTagNameMap>(
  name: K, attributes: Record<string, string | boolean> = {}, ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (value !== false) element.setAttribute(key, value === true ? "" : value);
  element.append(...children.filter((c): c is Node | string => c !== null && c !== undefined && c !== false));
  return element;
}

/** The page's words, which the server has put into the element's ``data-words``. */
export function words(element: HTMLElement): (text: string, values?: Record<string, string>) => string {
  const all = JSON.parse(element.dataset["words"] ?? "{}") as Record<string, string>;
  return (text, values = {}) => (all[text] ?? text).replace(/%\((\w+)\)s/g, (_, name: string) => values[name] ?? "");
}

/** Says to those who do not see. */
export function say(text: string): void {
  const status = document.getElementById("said");
  if (status !== null) status.textContent = text;
}
