// Where the map looks from. Four views, none with a seam to fall into: a globe, each pole, and a flat world whose middle
// can be turned anywhere.
import { geoAzimuthalEqualArea, geoCircle, geoEquirectangular, geoOrthographic } from "d3-geo";
import type { GeoProjection } from "d3-geo";

export type Kind = "globe" | "north" | "south" | "flat";

export interface View {
  kind: Kind;
  /** Longitude and latitude in the middle. */
  lon: number;
  lat: number;
  /** Pixels of the Earth's radius. */
  scale: number;
}

export const MOST = 120_000;
const DEGREES = 180 / Math.PI;
const MARGIN = 1.15;

export function least(width: number, height: number): number {
  return Math.max(60, Math.min(width, height) / 6);
}

/** The projection of a view on a canvas of that size, with all that lies beyond its edge clipped away. */
export function projection(view: View, width: number, height: number): GeoProjection {
  const reach = (Math.hypot(width, height) / 2) * MARGIN;
  const centre: [number, number] = [width / 2, height / 2];
  if (view.kind === "globe") {
    const angle = view.scale > reach ? Math.asin(reach / view.scale) * DEGREES : 90;
    return geoOrthographic()
      .scale(view.scale).translate(centre).rotate([-view.lon, -view.lat]).clipAngle(Math.min(90, angle + 0.01)).precision(0.5);
  }
  if (view.kind === "flat")
    // Turned about the pole only, so that parallels stay level; what lies off the canvas is cut.
    return geoEquirectangular()
      .scale(view.scale).rotate([-view.lon, 0]).translate([width / 2, height / 2 + (view.lat / DEGREES) * view.scale])
      .clipExtent([[-20, -20], [width + 20, height + 20]]).precision(0.5);
  const pole = view.kind === "north" ? 90 : -90;
  // The meridian of Greenwich points down; moving about does not turn the map.
  const polar = geoAzimuthalEqualArea().scale(view.scale).rotate([0, -pole]).translate([0, 0]).precision(0.5).clipAngle(150);
  const seen = polar([view.lon, view.lat]) ?? [0, 0];
  return polar.translate([width / 2 - seen[0], height / 2 - seen[1]]).clipExtent([[-20, -20], [width + 20, height + 20]]);
}

/** The view after a drag by so many pixels. */
export function moved(view: View, dx: number, dy: number, width: number, height: number): View {
  if (view.kind === "globe" || view.kind === "flat") {
    const per = DEGREES / view.scale;
    const narrow = view.kind === "globe" ? Math.max(0.15, Math.cos(view.lat / DEGREES)) : 1;
    return { ...view, lon: wrap(view.lon - (dx * per) / narrow), lat: bound(view.lat + dy * per) };
  }
  const at = projection(view, width, height).invert?.([width / 2 - dx, height / 2 - dy]);
  return at && Number.isFinite(at[0]) ? { ...view, lon: at[0], lat: bound(at[1]) } : view;
}

export function zoomed(view: View, factor: number, width: number, height: number): View {
  return { ...view, scale: Math.max(least(width, height), Math.min(MOST, view.scale * factor)) };
}

/** A view that shows all of these places, from straight above them. */
export function around(places: readonly (readonly [number, number])[], width: number, height: number): View {
  let [x, y, z] = [0, 0, 0];
  for (const [lon, lat] of places) {
    x += Math.cos(lat / DEGREES) * Math.cos(lon / DEGREES);
    y += Math.cos(lat / DEGREES) * Math.sin(lon / DEGREES);
    z += Math.sin(lat / DEGREES);
  }
  const size = Math.hypot(x, y, z);
  if (size < 1e-9) return { kind: "globe", lon: 0, lat: 20, scale: least(width, height) * 2.4 };
  const [lon, lat] = [Math.atan2(y, x) * DEGREES, Math.asin(z / size) * DEGREES];
  let far = 0;
  for (const [a, b] of places) far = Math.max(far, angle([lon, lat], [a, b]));
  const half = Math.min(width, height) / 2;
  const scale = far > 80 ? half * 0.95 : (half * 0.8) / Math.sin(Math.max(far, 0.5) / DEGREES);
  return { kind: "globe", lon, lat, scale: Math.max(least(width, height), Math.min(MOST / 4, scale)) };
}

/** Degrees between two places. */
export function angle(a: readonly [number, number], b: readonly [number, number]): number {
  const [p, q] = [a[1] / DEGREES, b[1] / DEGREES];
  const cos = Math.sin(p) * Math.sin(q) + Math.cos(p) * Math.cos(q) * Math.cos((a[0] - b[0]) / DEGREES);
  return Math.acos(Math.max(-1, Math.min(1, cos))) * DEGREES;
}

export const circle = (lon: number, lat: number, radius: number) => geoCircle().center([lon, lat]).radius(radius)();

export function wrap(lon: number): number {
  return ((((lon + 180) % 360) + 360) % 360) - 180;
}

function bound(lat: number): number {
  return Math.max(-90, Math.min(90, lat));
}
