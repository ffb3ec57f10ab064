import assert from "node:assert/strict";
import { test } from "node:test";
import { geoArea, geoContains } from "d3-geo";
import type { Position } from "geojson";
import { forSphere, wound } from "../src/map/winding.ts";

const SPHERE = 4 * Math.PI;
/** Counter-clockwise, as RFC 7946 has it: 10 by 5 degrees off Norway. */
const box: Position[] = [[0, 60], [10, 60], [10, 65], [0, 65], [0, 60]];
/** Across 180 degrees, uncut. */
const fiji: Position[] = [[175, -20], [-175, -20], [-175, -15], [175, -15], [175, -20]];
/** Round the North Pole. */
const cap: Position[] = [[0, 85], [90, 85], [180, 85], [-90, 85], [0, 85]];
const south: Position[] = cap.map(([lon, lat]) => [lon ?? 0, -(lat ?? 0)]);

const polygon = (rings: Position[][]) => ({ type: "Polygon", coordinates: rings }) as const;

for (const [name, ring, inside, outside] of [
  ["mid-latitudes", box, [5, 62], [5, 50]],
  ["across 180 degrees", fiji, [180, -17], [0, -17]],
  ["round the North Pole", cap, [0, 90], [0, -90]],
  ["round the South Pole", south, [12, -90], [12, 90]],
] as const) {
  for (const [way, given] of [["as given", ring], ["reversed", [...ring].reverse()]] as const) {
    test(`${name}, ${way}: the area is the small part of the sphere`, () => {
      const drawn = polygon(wound([given]));
      assert.ok(geoArea(drawn) < SPHERE / 20, `area ${geoArea(drawn)}`);
      assert.ok(geoContains(drawn, inside as unknown as [number, number]));
      assert.ok(!geoContains(drawn, outside as unknown as [number, number]));
    });
  }
}

test("a hole is cut out, whichever way it was wound", () => {
  const hole: Position[] = [[4, 62], [6, 62], [6, 63], [4, 63], [4, 62]];
  for (const given of [hole, [...hole].reverse()]) {
    const drawn = polygon(wound([box, given]));
    assert.ok(!geoContains(drawn, [5, 62.5]));
    assert.ok(geoContains(drawn, [2, 62.5]));
    assert.ok(geoArea(drawn) < geoArea(polygon(wound([box]))));
  }
});

test("a ring that counts on beyond 180 is the same area", () => {
  const beyond = fiji.map(([lon, lat]): Position => [(lon ?? 0) < 0 ? (lon ?? 0) + 360 : (lon ?? 0), lat ?? 0]);
  assert.deepEqual(wound([beyond]), wound([fiji]));
});

test("pieces cut at 180 are both small", () => {
  const pieces = forSphere({
    type: "MultiPolygon",
    coordinates: [
      [[[175, -20], [180, -20], [180, -15], [175, -15], [175, -20]]],
      [[[-180, -20], [-175, -20], [-175, -15], [-180, -15], [-180, -20]]],
    ],
  });
  assert.ok(geoArea(pieces) < SPHERE / 100);
  assert.ok(geoContains(pieces, [177, -17]) && geoContains(pieces, [-177, -17]));
});

test("points and lines are left alone", () => {
  const point = { type: "Point", coordinates: [1, 2] } as const;
  assert.equal(forSphere(point as never), point);
});
