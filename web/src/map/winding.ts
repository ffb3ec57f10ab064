// Rings as d3-geo wants them.
//
// RFC 7946 3.1.6 winds an exterior ring counter-clockwise; d3-geo takes a ring as clockwise round its inside, on the
// sphere. A ring the wrong way round fills the rest of the world, so no ring is drawn before it has passed here.
import { geoArea } from "d3-geo";
import type { Geometry, MultiPolygon, Polygon, Position } from "geojson";

const HEMISPHERE = 2 * Math.PI;
const FULL_TURN = 360;

/** A ring without the steps of 360 degrees that a cut or a count beyond 180 leaves in it. */
function plain(ring: readonly Position[]): Position[] {
  return ring.map((point) => {
    const lon = point[0] ?? 0;
    const lat = point[1] ?? 0;
    return [((((lon + 180) % FULL_TURN) + FULL_TURN) % FULL_TURN) - 180, Math.max(-90, Math.min(90, lat))];
  });
}

function area(ring: Position[]): number {
  return geoArea({ type: "Polygon", coordinates: [ring] });
}

/**
 * The rings of one polygon, wound for d3-geo: the exterior encloses the smaller part of the sphere, each hole the
 * larger, so that a hole is cut out of it. An area of more than half the sphere cannot be announced (spec/).
 */
export function wound(rings: readonly (readonly Position[])[]): Position[][] {
  return rings.map((given, index) => {
    const ring = plain(given);
    const encloses = area(ring) <= HEMISPHERE;
    return encloses === (index === 0) ? ring : ring.reverse();
  });
}

/** A geometry that d3-geo draws as RFC 7946 means it. Points and lines stay as they are. */
export function forSphere(geometry: Geometry): Geometry {
  switch (geometry.type) {
    case "Polygon":
      return { type: "Polygon", coordinates: wound(geometry.coordinates) } satisfies Polygon;
    case "MultiPolygon":
      return { type: "MultiPolygon", coordinates: geometry.coordinates.map(wound) } satisfies MultiPolygon;
    case "GeometryCollection":
      return { type: "GeometryCollection", geometries: geometry.geometries.map(forSphere) };
    default:
      return geometry;
  }
}
