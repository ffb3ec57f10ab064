// What the node tells of one thing on the map (parley.app.mapping).
import type { Geometry } from "geojson";

export type Layer = "announced" | "site" | "movement" | "report" | "alert" | "plan" | "place" | "track" | "conflict";

export interface Thing {
  id: string;
  layer: Layer;
  name: string;
  geometry: Geometry;
  /** Longitude and latitude of its middle. */
  middle: [number, number];
  where: string;
  /** From, to; POSIX seconds. None: at all times, or not stated. */
  windows: [number, number][];
  heights: string;
  lower_m: number | null;
  upper_m: number | null;
  author?: string;
  mine?: boolean;
  ended?: boolean;
  message?: string;
  plan?: string;
  degree?: "near" | "meets" | "blocking";
  metres?: number;
  sent?: number;
  protected?: boolean;
  kind?: string;
  role?: string;
  form?: string;
}
