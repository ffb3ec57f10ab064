// Draws coast, grid and things on a canvas, in the colours of the page's theme.
import { geoContains, geoGraticule10, geoGraticule, geoPath } from "d3-geo";
import type { GeoProjection } from "d3-geo";
import type { Geometry, MultiPolygon, Polygon } from "geojson";
import type { Thing } from "./types.ts";
import { stand } from "./time.ts";
import { angle, projection } from "./view.ts";
import type { View } from "./view.ts";

export type Colours = Record<string, string>;

const NAMES = [
  "sea", "land", "coast", "grid", "text", "halo", "announced", "mine", "site", "plan", "conflict", "chosen", "track",
];

/** The colours of the theme, from the custom properties ``--map-NAME`` of an element. */
export function colours(element: Element): Colours {
  const style = getComputedStyle(element);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--map-${name}`).trim() || "#888"]));
}

export interface Scene {
  land: MultiPolygon | Polygon | null;
  things: readonly Thing[];
  at: number;
  chosen: string;
  /** A shape that is being drawn, and its corners. */
  sketch?: { geometry: Geometry | null; corners: readonly [number, number][] };
}

const FILL: Record<string, string> = {
  announced: "announced", alert: "conflict", movement: "site", site: "site", report: "site",
  plan: "plan", place: "plan", track: "track", conflict: "conflict",
};

function colour(thing: Thing, use: Colours): string {
  const name = thing.layer === "announced" && thing.mine === true ? "mine" : (FILL[thing.layer] ?? "announced");
  return use[name] ?? "#888";
}

/** Whether a middle is near enough to the view for any of the thing to be on the canvas; `reach` in degrees. */
function near(thing: Thing, view: View, reach: number): boolean {
  return reach >= 180 || angle(thing.middle, [view.lon, view.lat]) <= reach + extent(thing);
}

const extents = new WeakMap<Thing, number>();

/** Degrees from the middle of a thing to its farthest corner. */
export function extent(thing: Thing): number {
  let found = extents.get(thing);
  if (found === undefined) {
    found = 0;
    for (const place of corners(thing.geometry)) found = Math.max(found, angle(thing.middle, place));
    extents.set(thing, found);
  }
  return found;
}

export function corners(geometry: Geometry): [number, number][] {
  switch (geometry.type) {
    case "Point":
      return [geometry.coordinates as [number, number]];
    case "LineString":
      return geometry.coordinates as [number, number][];
    case "Polygon":
      return geometry.coordinates.flat() as [number, number][];
    case "MultiPolygon":
      return geometry.coordinates.flat(2) as [number, number][];
    case "GeometryCollection":
      return geometry.geometries.flatMap(corners);
    default:
      return [];
  }
}

/** Points of a thing that are drawn as marks. */
function marks(geometry: Geometry): [number, number][] {
  if (geometry.type === "Point") return [geometry.coordinates as [number, number]];
  return geometry.type === "GeometryCollection" ? geometry.geometries.flatMap(marks) : [];
}

export function draw(canvas: HTMLCanvasElement, view: View, scene: Scene, use: Colours, coarse = false): void {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d", { alpha: false });
  if (context === null) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const project = projection(view, width, height);
  if (coarse) project.precision(2);
  const path = geoPath(project, context).pointRadius(5);
  const pick = (name: string): string => use[name] ?? "#888";

  context.fillStyle = pick("halo");
  context.fillRect(0, 0, width, height);
  context.beginPath();
  path({ type: "Sphere" });
  context.fillStyle = pick("sea");
  context.fill();
  if (scene.land !== null) {
    context.beginPath();
    path(scene.land);
    context.fillStyle = pick("land");
    context.fill();
    context.lineWidth = 0.8;
    context.strokeStyle = pick("coast");
    context.stroke();
  }
  context.beginPath();
  path(grid(view, width, height));
  context.lineWidth = 0.5;
  context.strokeStyle = pick("grid");
  context.stroke();

  const reach = view.kind === "globe" ? Math.min(90, (Math.asin(Math.min(1, Math.hypot(width, height) / 2 / view.scale)) * 180) / Math.PI + 1) : 180;
  const labels: [Thing, string][] = [];
  const shown = scene.things.filter((thing) => near(thing, view, reach));
  for (const thing of shown) {
    const how = stand(thing.windows, scene.at);
    if (how === "over" || (thing.ended === true && thing.id !== scene.chosen)) continue;
    one(context, path, project, thing, how === "coming", thing.id === scene.chosen, colour(thing, use), use);
    if (thing.id === scene.chosen || (shown.length <= 60 && thing.layer !== "conflict")) labels.push([thing, colour(thing, use)]);
  }
  label(context, project, view, labels, use);
  if (scene.sketch) sketch(context, path, project, scene.sketch, use);
}

/** Lines every 10 degrees, and closer ones round the middle as one comes nearer. */
function grid(view: View, width: number, height: number) {
  if (view.scale < 1500) return geoGraticule10();
  const degrees = view.scale < 8000 ? 2 : view.scale < 40_000 ? 0.5 : 0.1;
  const reach = ((Math.hypot(width, height) / view.scale) * 180) / Math.PI;
  const down = (value: number): number => Math.floor(value / degrees) * degrees;
  const [south, north] = [Math.max(-89.9, down(view.lat - reach)), Math.min(89.9, down(view.lat + reach) + degrees)];
  const wide = reach / Math.max(0.02, Math.cos((Math.min(89, Math.max(Math.abs(south), Math.abs(north))) * Math.PI) / 180));
  const all = wide > 90;
  const [west, east] = all ? [-180, 180] : [down(view.lon - wide), down(view.lon + wide) + degrees];
  const step = all ? Math.max(degrees, 10) : degrees;
  return geoGraticule().step([step, degrees]).extent([[west, south], [east, north]]).precision(all ? 2.5 : degrees)();
}

function one(
  context: CanvasRenderingContext2D, path: ReturnType<typeof geoPath>, project: GeoProjection, thing: Thing,
  coming: boolean, chosen: boolean, ink: string, use: Colours,
): void {
  context.beginPath();
  path(thing.geometry as never);
  context.globalAlpha = coming ? 0.07 : chosen ? 0.42 : 0.26;
  context.fillStyle = ink;
  if (thing.geometry.type !== "Point") context.fill();
  context.globalAlpha = 1;
  context.setLineDash(coming ? [5, 4] : []);
  context.lineWidth = chosen ? 3.5 : thing.layer === "plan" || thing.layer === "place" ? 2.2 : 1.5;
  context.strokeStyle = chosen ? (use["chosen"] ?? ink) : ink;
  if (thing.geometry.type !== "Point") context.stroke();
  context.setLineDash([]);
  for (const place of marks(thing.geometry)) mark(context, project, place, thing, ink, chosen, use);
}

function visible(project: GeoProjection, place: readonly [number, number]): [number, number] | null {
  let found: [number, number] | null = null;
  const sink = { point: (x: number, y: number) => (found = [x, y]), sphere() {}, lineStart() {}, lineEnd() {}, polygonStart() {}, polygonEnd() {} };
  // Through the projection's own clipping, so that what is behind the globe is not drawn.
  const stream = project.stream(sink);
  stream.point(place[0], place[1]);
  return found;
}

/** Shapes tell layers apart where colours cannot: a triangle for a clash, a cross for protected, a diamond for own. */
function mark(
  context: CanvasRenderingContext2D, project: GeoProjection, place: [number, number], thing: Thing, ink: string,
  chosen: boolean, use: Colours,
): void {
  const at = visible(project, place);
  if (at === null) return;
  const [x, y] = at;
  const r = chosen ? 9 : 7;
  context.beginPath();
  if (thing.layer === "conflict") polygon(context, [[x, y - r], [x + r, y + r * 0.8], [x - r, y + r * 0.8]]);
  else if (thing.layer === "site") {
    const t = r / 2.6;
    polygon(context, [[x - t, y - r], [x + t, y - r], [x + t, y - t], [x + r, y - t], [x + r, y + t], [x + t, y + t], [x + t, y + r], [x - t, y + r], [x - t, y + t], [x - r, y + t], [x - r, y - t], [x - t, y - t]]);
  } else if (thing.layer === "plan" || thing.layer === "place") polygon(context, [[x, y - r], [x + r, y], [x, y + r], [x - r, y]]);
  else if (thing.layer === "track" || thing.layer === "report") polygon(context, [[x - r, y - r], [x + r, y - r], [x + r, y + r], [x - r, y + r]]);
  else context.arc(x, y, r * 0.8, 0, 2 * Math.PI);
  context.fillStyle = ink;
  context.fill();
  context.lineWidth = chosen ? 3 : 1.5;
  context.strokeStyle = chosen ? (use["chosen"] ?? ink) : (use["halo"] ?? "#000");
  context.stroke();
}

function polygon(context: CanvasRenderingContext2D, points: [number, number][]): void {
  points.forEach(([x, y], n) => (n === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
  context.closePath();
}

/** Names and heights, one below the other where they would overlap. */
function label(context: CanvasRenderingContext2D, project: GeoProjection, view: View, labels: [Thing, string][], use: Colours): void {
  const taken: [number, number, number, number][] = [];
  context.font = "600 12px system-ui, sans-serif";
  context.textBaseline = "middle";
  for (const [thing, ink] of labels) {
    if (view.kind === "globe" && angle(thing.middle, [view.lon, view.lat]) > 85) continue;
    const at = visible(project, thing.middle);
    if (at === null) continue;
    const words = [short(thing.name), ...(thing.heights ? [thing.heights] : [])];
    const width = Math.max(...words.map((w) => context.measureText(w).width));
    const [left, h] = [at[0] + 11, 15 * words.length];
    let top = at[1] - h / 2;
    for (let tries = 0; tries < 6; tries++) {
      const clash = taken.find(([a, b, c, d]) => left < c && left + width > a && top < d && top + h > b);
      if (!clash) break;
      top = clash[3] + 1;
    }
    taken.push([left, top, left + width, top + h]);
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.strokeStyle = use["halo"] ?? "#fff";
    words.forEach((word, n) => {
      context.fillStyle = n === 0 ? ink : (use["text"] ?? ink);
      context.strokeText(word, left, top + 15 * n + 8);
      context.fillText(word, left, top + 15 * n + 8);
    });
  }
}

function short(name: string): string {
  return name.length > 42 ? `${name.slice(0, 41)}…` : name;
}

function sketch(
  context: CanvasRenderingContext2D, path: ReturnType<typeof geoPath>, project: GeoProjection,
  given: { geometry: Geometry | null; corners: readonly [number, number][] }, use: Colours,
): void {
  const ink = use["chosen"] ?? "#fff";
  if (given.geometry !== null) {
    context.beginPath();
    path(given.geometry as never);
    context.globalAlpha = 0.25;
    context.fillStyle = ink;
    if (given.geometry.type !== "LineString") context.fill();
    context.globalAlpha = 1;
    context.lineWidth = 2.5;
    context.strokeStyle = ink;
    context.stroke();
  }
  given.corners.forEach((corner, n) => {
    const at = visible(project, corner);
    if (at === null) return;
    context.beginPath();
    context.arc(at[0], at[1], 5, 0, 2 * Math.PI);
    context.fillStyle = use["halo"] ?? "#fff";
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = ink;
    context.stroke();
    context.fillStyle = use["text"] ?? ink;
    context.font = "600 11px system-ui, sans-serif";
    context.fillText(String(n + 1), at[0] + 8, at[1] - 8);
  });
}

/** What lies at a pixel, the smallest first. */
export function hit(canvas: HTMLCanvasElement, view: View, things: readonly Thing[], at: number, x: number, y: number): Thing[] {
  const project = projection(view, canvas.clientWidth, canvas.clientHeight);
  const place = project.invert?.([x, y]);
  if (!place || !Number.isFinite(place[0])) return [];
  const found = things.filter((thing) => {
    if (thing.ended === true || stand(thing.windows, at) === "over") return false;
    for (const point of marks(thing.geometry)) {
      const seen = visible(project, point);
      if (seen !== null && Math.hypot(seen[0] - x, seen[1] - y) <= 12) return true;
    }
    return thing.geometry.type !== "Point" && angle(thing.middle, place) <= extent(thing) + 0.01 && geoContains(thing.geometry as never, place);
  });
  const rank = (thing: Thing): number => (thing.layer === "conflict" ? -1 : extent(thing));
  return found.sort((a, b) => rank(a) - rank(b));
}
