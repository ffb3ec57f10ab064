// A form as the node describes it (parley.app.composing), and editors of its values.

export interface Choice {
  name: string;
  label: string;
}

export interface Spec {
  name: string;
  type: "text" | "choice" | "flag" | "number" | "day" | "time" | "window" | "position" | "area" | "group";
  label: string;
  help: string;
  required: boolean;
  required_if: { field: string; among: string[] } | null;
  choices: Choice[];
  low: number;
  high: number;
  unit: string;
  repeat: number;
  /** Of the header that every form has: shown when asked for. */
  more?: boolean;
  fields: Spec[];
}

export interface Form {
  id: string;
  name: string;
  title: string;
  fields: Spec[];
}

export type Word = (text: string, values?: Record<string, string>) => string;
export type Place = [number, number];

/** What takes the places that are clicked on the map. */
export interface Target {
  path: string;
  /** How the places belong together, for the sketch. */
  kind: () => string;
  add: (place: Place) => void;
  undo: () => void;
  /** Whether one place is enough. */
  single: boolean;
}

export interface Editor {
  node: HTMLElement;
  /** What was given, as the node reads it; undefined when nothing was. */
  read: () => unknown;
  /** Where the keyboard goes to when something is wrong with it. */
  first: () => HTMLElement | null;
}

export interface Desk {
  word: Word;
  changed: () => void;
  /** Begin to draw, or stop; says whether this target draws now. */
  draw: (target: Target) => boolean;
}
