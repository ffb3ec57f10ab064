// Builds the editor of each type of field.
import { distance, position } from "../map/coordinates.ts";
import { make } from "../map/dom.ts";
import type { Desk, Editor, Place, Spec, Target } from "./types.ts";
import { areaIn, areaOut, timeIn, timeOut, timeShown, windowIn, windowOut } from "./values.ts";

const LONG = 120;
const focusable = "input, select, textarea, button";

const idOf = (path: string): string => `f-${path.replaceAll(".", "-")}`;

/** Attributes that tie a control to its help and its fault. */
function tied(path: string, helped: boolean): Record<string, string> {
  return { id: idOf(path), "aria-describedby": `${helped ? `${idOf(path)}-help ` : ""}${idOf(path)}-fault`, "data-path": path };
}

function fault(path: string): HTMLElement {
  return make("p", { class: "fault", id: `${idOf(path)}-fault`, "data-fault": path, hidden: true });
}

/** One field with its label, its help and as many values as it takes. */
export function field(spec: Spec, given: unknown, desk: Desk, before = ""): Editor {
  const path = `${before}${spec.name}`;
  const help = spec.help === "" ? [] : [make("p", { class: "help", id: `${idOf(path)}-help` }, spec.help)];
  const mark = make("abbr", { class: "wanted", title: desk.word("wanted"), "data-wanted": path, hidden: !spec.required }, "*");
  if (spec.repeat > 1) return many(spec, given, desk, path, help, mark);
  if (spec.type === "area" || spec.type === "window" || spec.type === "group") {
    const inner = one(spec, given, desk, path);
    const node = make("fieldset", { class: "field", "data-field": path }, make("legend", {}, spec.label, " ", mark), ...help, inner.node, fault(path));
    return { ...inner, node };
  }
  const inner = one(spec, given, desk, path);
  const label = make("label", { for: idOf(path) }, spec.label, " ", mark, spec.unit === "" ? "" : make("span", { class: "unit" }, ` (${spec.unit})`));
  return { ...inner, node: make("div", { class: "field", "data-field": path }, label, ...help, inner.node, fault(path)) };
}

function many(spec: Spec, given: unknown, desk: Desk, path: string, help: HTMLElement[], mark: HTMLElement): Editor {
  const list = make("ol", { class: "items" });
  let editors: Editor[] = [];
  const add = make("button", { type: "button", class: "add" }, `${desk.word("Add")}: ${spec.label}`);
  const build = (values: unknown[]): void => {
    editors = values.map((value, n) => one(spec, value, desk, `${path}.${n}`, spec.label));
    list.replaceChildren(
      ...editors.map((editor, n) => {
        const remove = make("button", { type: "button", class: "remove", "aria-label": `${desk.word("Remove")}: ${spec.label} ${n + 1}` }, desk.word("Remove"));
        remove.addEventListener("click", () => {
          build(editors.map((e) => e.read()).filter((_, i) => i !== n));
          add.focus();
          desk.changed();
        });
        return make("li", { "data-field": `${path}.${n}` }, editor.node, fault(`${path}.${n}`), remove);
      }),
    );
    add.disabled = values.length >= spec.repeat;
  };
  add.addEventListener("click", () => {
    build([...editors.map((e) => e.read()), undefined]);
    editors.at(-1)?.first()?.focus();
    desk.changed();
  });
  const values = given === undefined || given === null ? [] : Array.isArray(given) ? given : [given];
  build(values.length > 0 ? values : spec.required ? [undefined] : []);
  const node = make("fieldset", { class: "field many", "data-field": path }, make("legend", {}, spec.label, " ", mark), ...help, list, add, fault(path));
  return {
    node,
    read: () => {
      const found = editors.map((e) => e.read()).filter((v) => v !== undefined);
      return found.length > 0 ? found : undefined;
    },
    first: () => editors[0]?.first() ?? add,
  };
}

/** One value. `named`: its label when nothing else on the page is. */
function one(spec: Spec, given: unknown, desk: Desk, path: string, named = ""): Editor {
  const about = { ...tied(path, spec.help !== "" && named === ""), ...(named === "" ? {} : { "aria-label": named }) };
  switch (spec.type) {
    case "choice": {
      const select = make("select", about, make("option", { value: "" }, "–"),
        ...spec.choices.map((c) => make("option", { value: c.name, selected: c.name === given }, c.label)));
      return simple(select, desk, () => select.value);
    }
    case "flag": {
      const select = make("select", about, make("option", { value: "" }, desk.word("not stated")),
        ...["yes", "no"].map((v) => make("option", { value: v, selected: v === String(given) }, desk.word(v))));
      return simple(select, desk, () => select.value);
    }
    case "day": {
      const input = make("input", { ...about, type: "date", value: given === undefined ? "" : String(given) });
      return simple(input, desk, () => input.value);
    }
    case "time": {
      const [node, input] = clock(timeIn(given), about);
      return { ...simple(input, desk, () => timeOut(input.value)), node };
    }
    case "number": {
      const input = make("input", { ...about, inputmode: "numeric", autocomplete: "off", size: "12", value: given === undefined ? "" : String(given) });
      return simple(input, desk, () => input.value.trim());
    }
    case "window":
      return window_(given, desk, path, named || spec.label);
    case "position":
      return place(given, desk, path, about);
    case "area":
      return area(given, desk, path);
    case "group":
      return group(spec, given, desk, path);
    default: {
      const text = given === undefined ? "" : String(given);
      const box = spec.high > LONG
        ? make("textarea", { ...about, rows: "3", maxlength: String(spec.high), dir: "auto" }, text)
        : make("input", { ...about, maxlength: String(spec.high), autocomplete: "off", dir: "auto", value: text });
      return simple(box, desk, () => box.value.trim());
    }
  }
}

function simple(control: HTMLElement, desk: Desk, read: () => string | undefined): Editor {
  control.addEventListener("input", desk.changed);
  return { node: control, read: () => read() || undefined, first: () => control };
}

function group(spec: Spec, given: unknown, desk: Desk, path: string): Editor {
  const values = (given ?? {}) as Record<string, unknown>;
  const editors = spec.fields.map((f) => [f.name, field(f, values[f.name], desk, `${path}.`)] as const);
  const node = make("div", { class: "group" }, ...editors.map(([, e]) => e.node));
  return {
    node,
    read: () => {
      const found = editors.map(([name, e]) => [name, e.read()] as const).filter(([, v]) => v !== undefined);
      return found.length > 0 ? Object.fromEntries(found) : undefined;
    },
    first: () => editors[0]?.[1].first() ?? null,
  };
}

/** A box for a time in UTC that shows how it was read. No picker: those follow the browser's country, not the watch. */
function clock(value: string, about: Record<string, string>): [HTMLElement, HTMLInputElement] {
  const input = make("input", { ...about, value, size: "17", autocomplete: "off", spellcheck: "false", placeholder: "2026-03-01 08:00" });
  const shown = make("small", { class: "read" });
  const show = (): void => {
    shown.textContent = timeShown(timeOut(input.value), document.documentElement.lang) || "UTC";
  };
  input.addEventListener("input", show);
  show();
  return [make("span", { class: "utc" }, input, shown), input];
}

function window_(given: unknown, desk: Desk, path: string, named: string): Editor {
  const start = windowIn(given);
  const { word } = desk;
  const kind = make("select", { "aria-label": `${named}: ${word("once")} / ${word("daily")}` },
    make("option", { value: "once" }, word("once")), make("option", { value: "daily", selected: start.daily !== "" }, word("daily")));
  const [fromNode, from] = clock(start.from, { "aria-label": `${named}, ${word("from")}`, "data-path": path });
  const [toNode, to] = clock(start.to, { "aria-label": `${named}, ${word("to")}` });
  const daily = make("input", { "aria-label": `${named}, ${word("daily")}`, size: "44", value: start.daily || "daily ", placeholder: "daily 2026-03-01/2026-03-05 08:00-12:00" });
  const once = make("span", { class: "once" }, fromNode, "–", toNode);
  const show = (): void => {
    once.hidden = kind.value !== "once";
    daily.hidden = !once.hidden;
  };
  for (const control of [kind, from, to, daily]) control.addEventListener("input", () => { show(); desk.changed(); });
  show();
  return {
    node: make("span", { class: "window" }, kind, once, daily),
    read: () => (kind.value === "once" ? windowOut(from.value, to.value) : daily.value.trim() === "daily" ? undefined : daily.value.trim() || undefined),
    first: () => from,
  };
}

/** A button that lets places be taken from the map. */
function drawer(desk: Desk, target: Target, words: string): HTMLButtonElement {
  const button = make("button", { type: "button", class: "draw", "aria-pressed": "false", "data-draw": target.path }, words);
  button.addEventListener("click", () => desk.draw(target));
  return button;
}

function place(given: unknown, desk: Desk, path: string, about: Record<string, string>): Editor {
  const input = make("input", { ...about, value: given === undefined ? "" : String(given), size: "34", autocomplete: "off", spellcheck: "false", placeholder: "36-43.09N 068-51.75E" });
  const set = (at: Place): void => {
    input.value = position(at[0], at[1]);
    desk.changed();
  };
  const button = drawer(desk, { path, kind: () => "point", add: set, undo: () => undefined, single: true }, desk.word("Take from the map"));
  const lies = make("output", { class: "lies", for: idOf(path), "data-lies": path });
  return { ...simple(input, desk, () => input.value.trim()), node: make("span", { class: "place" }, input, button, lies) };
}

function area(given: unknown, desk: Desk, path: string): Editor {
  const start = areaIn(given);
  const { word } = desk;
  if (start === null) {
    const raw = make("textarea", { ...tied(path, false), rows: "8", spellcheck: "false", "aria-label": word("This area has several shapes; write it as text.") }, JSON.stringify(given, null, 1));
    raw.addEventListener("input", desk.changed);
    const read = (): unknown => {
      try {
        return JSON.parse(raw.value) as unknown;
      } catch {
        return raw.value;
      }
    };
    return { node: raw, read, first: () => raw };
  }
  const kind = make("select", { ...tied(path, false), "aria-label": word("Kind of area") },
    ...(["polygon", "circle", "corridor", "point"] as const).map((k) => make("option", { value: k, selected: k === start.kind }, word(k))));
  const many_ = make("textarea", { rows: "5", spellcheck: "false", id: `${idOf(path)}-places`, placeholder: "54-10.0N 019-20.0E\n54-10.0N 020-00.0E\n53-50.0N 020-00.0E" }, start.places);
  const placesLabel = make("label", { for: `${idOf(path)}-places` });
  const labelled = (text: string, value: string, hint: string): [HTMLElement, HTMLInputElement, HTMLElement] => {
    const input = make("input", { value, size: "14", autocomplete: "off", placeholder: hint });
    const name = make("span", {}, text);
    return [make("label", { class: "inline" }, name, " ", input), input, name];
  };
  const [sizeNode, size, sizeName] = labelled("", start.size, "2 NM");
  const [lowerNode, lower] = labelled(word("Lower limit"), start.lower, "surface: open");
  const [upperNode, upper] = labelled(word("Upper limit"), start.upper, "FL100");
  lower.placeholder = "500 ft AMSL";
  const edge = make("select", {}, ...["great-circle", "rhumb", "parallel"].map((e) => make("option", { value: e, selected: e === start.edge }, word(e))));
  const edgeNode = make("label", { class: "inline" }, word("Edges"), " ", edge);
  const times = field(
    { name: "times", type: "window", label: word("Times"), help: "", required: false, required_if: null, choices: [], low: 0, high: 0, unit: "", repeat: 366, fields: [] },
    start.times, desk, `${path}.`,
  );
  const drawn: Place[] = [];
  const now = (): "polygon" | "circle" | "corridor" | "point" => kind.value as "polygon";
  const target: Target = {
    path,
    kind: now,
    single: false,
    add: (at) => {
      const text = position(at[0], at[1]);
      if (now() === "circle" && drawn.length % 2 === 1) {
        const centre = drawn[drawn.length - 1];
        if (centre !== undefined) size.value = `${Math.max(1, Math.round(distance(centre, at)))} m`;
      } else if (now() === "circle" || now() === "point") many_.value = text;
      else many_.value = `${many_.value.trimEnd()}${many_.value.trim() === "" ? "" : "\n"}${text}`;
      drawn.push(at);
      desk.changed();
    },
    undo: () => {
      drawn.pop();
      many_.value = many_.value.trimEnd().split("\n").slice(0, -1).join("\n");
      desk.changed();
    },
  };
  const draw = drawer(desk, target, word("Draw on the map"));
  const undo = make("button", { type: "button", class: "undo" }, word("Remove the last"));
  undo.addEventListener("click", target.undo);
  const show = (): void => {
    const path_ = now() === "polygon" || now() === "corridor";
    placesLabel.textContent = word(path_ ? "Positions, one a line" : now() === "circle" ? "Centre" : "point");
    many_.rows = path_ ? 5 : 1;
    sizeNode.hidden = now() === "polygon" || now() === "point";
    sizeName.textContent = word(now() === "corridor" ? "Width" : "Radius");
    undo.hidden = !path_;
    edgeNode.hidden = !path_;
  };
  for (const control of [kind, many_, size, lower, upper, edge]) control.addEventListener("input", () => { show(); desk.changed(); });
  kind.addEventListener("input", () => drawn.splice(0));
  show();
  const node = make("div", { class: "area" },
    make("div", { class: "row" }, kind, draw, undo), placesLabel, many_, make("div", { class: "row" }, sizeNode, lowerNode, upperNode, edgeNode), times.node,
    make("output", { class: "lies", "data-lies": path }));
  return {
    node,
    read: () => areaOut({ kind: now(), places: many_.value, size: size.value, edge: edge.value, lower: lower.value, upper: upper.value, times: (times.read() as unknown[] | undefined) ?? [] }),
    first: () => many_,
  };
}

export function firstControl(node: HTMLElement): HTMLElement | null {
  return node.querySelector<HTMLElement>(focusable);
}
