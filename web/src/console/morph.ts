// Draws an element anew in place: what stays keeps its identity, so that a click, the focus or an open fold that falls
// between two drawings is not lost. What stands beside its like is told apart by its id, by what it is about (`data-id`),
// or by where its first link goes: a button never comes to mean another thing under the hand that presses it.

const OWN: ReadonlySet<string> = new Set(["open", "tabindex"]);
/** What the reader or the page's script set on an element; a drawing does not undo it. */

export function morph(now: Element, next: Element): void {
  attributes(now, next);
  children(now, next);
}

function attributes(now: Element, next: Element): void {
  for (const { name } of [...now.attributes]) if (!OWN.has(name) && !next.hasAttribute(name)) now.removeAttribute(name);
  for (const { name, value } of next.attributes) if (now.getAttribute(name) !== value) now.setAttribute(name, value);
}

function children(now: Element, next: Element): void {
  let at: ChildNode | null = now.firstChild;
  for (const wanted of [...next.childNodes]) {
    const same = find(at, wanted);
    if (same === null) {
      now.insertBefore(document.importNode(wanted, true), at);
      continue;
    }
    // What stood between is gone; where only the order changed it is drawn again further down.
    while (at !== same) at = drop(at!);
    at = same.nextSibling;
    if (same instanceof Element && wanted instanceof Element) {
      if (!same.isEqualNode(wanted)) morph(same, wanted);
    } else if (same.nodeValue !== wanted.nodeValue) same.nodeValue = wanted.nodeValue;
  }
  while (at !== null) at = drop(at);
}

function drop(node: ChildNode): ChildNode | null {
  const after = node.nextSibling;
  node.remove();
  return after;
}

/** The node from `at` on that `wanted` is a newer state of. */
function find(at: ChildNode | null, wanted: ChildNode): ChildNode | null {
  if (!(wanted instanceof Element)) return at !== null && at.nodeType === wanted.nodeType ? at : null;
  const name = key(wanted);
  for (let node = at; node !== null; node = node.nextSibling)
    if (node instanceof Element && node.nodeName === wanted.nodeName && key(node) === name) return node;
  return null;
}

function key(element: Element): string {
  if (element.id !== "") return `#${element.id}`;
  const about = element instanceof HTMLElement ? element.dataset["id"] : undefined;
  if (about !== undefined) return `=${about}`;
  return /^(TR|LI|SECTION|FORM|A)$/.test(element.nodeName) ? link(element) : "";
}

function link(element: Element): string {
  const found = element.matches("a[href], form[action]") ? element : element.querySelector("a[href]");
  return found?.getAttribute("href") ?? found?.getAttribute("action") ?? "";
}
