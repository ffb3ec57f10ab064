import assert from "node:assert/strict";
import { test } from "node:test";
import { areaIn, areaOut, lines, span, timeIn, timeOut, timeShown, windowIn, windowOut } from "../src/compose/values.ts";
import { distance, length, position } from "../src/map/coordinates.ts";
import { angle, around, moved, projection, wrap } from "../src/map/view.ts";

test("a time is read as ISO or as a date-time group, and shown as read", () => {
  for (const text of ["2026-11-25 14:00", "2026-11-25T14:00Z", "251400Z NOV 26", "251400ZNOV2026", "251400 nov 26"])
    assert.equal(timeOut(text), "2026-11-25T14:00Z", text);
  assert.equal(timeOut("  "), undefined);
  assert.equal(timeOut("tomorrow"), "tomorrow", "the node says what is wrong");
  assert.equal(timeIn("2026-11-25T14:00Z"), "2026-11-25 14:00");
  assert.equal(timeShown("2026-11-25T14:00Z", "en"), "Wed 251400Z NOV 26");
  assert.equal(timeShown("2026-13-45T14:00Z", "en"), "");
});

test("windows: once with two times, daily as text", () => {
  assert.equal(windowOut("2026-11-25 14:00", "2026-11-25 16:00"), "2026-11-25T14:00Z/2026-11-25T16:00Z");
  assert.equal(windowOut("", ""), undefined);
  assert.equal(windowOut("2026-11-25 14:00", ""), "2026-11-25T14:00Z/", "half a window is not left out in silence");
  assert.deepEqual(windowIn("2026-11-25T14:00Z/2026-11-25T16:00Z"), { daily: "", from: "2026-11-25 14:00", to: "2026-11-25 16:00" });
  assert.equal(windowIn("daily 2026-03-01/2026-03-05 08:00-12:00").daily, "daily 2026-03-01/2026-03-05 08:00-12:00");
});

test("an area goes to the node and comes back the same", () => {
  for (const area of [
    { polygon: ["54-10N 019-20E", "54-10N 020-00E", "53-50N 020-00E"], lower: "500 ft AMSL", upper: "FL100", times: ["2026-03-01T08:00Z/2026-03-01T09:00Z"] },
    { circle: "54-10N 019-20E", radius: "2 NM" },
    { corridor: ["54-10N 019-20E", "54-10N 020-00E"], width: "500 m", edge: "rhumb" },
    { point: "54-10N 019-20E" },
  ]) {
    const fields = areaIn(area);
    assert.ok(fields);
    assert.deepEqual(areaOut(fields), area);
  }
  assert.equal(areaIn({ shapes: [{ point: "1N 2E" }, { point: "1N 3E" }] }), null);
  const nothing = areaIn(undefined);
  assert.ok(nothing);
  assert.equal(areaOut(nothing), undefined);
  assert.deepEqual(lines(" a \n\n b\n"), ["a", "b"]);
});

test("lengths of time in words that fit", () => {
  assert.deepEqual([span(600), span(7200), span(259_200), span(-600)].map((s) => `${s.n} ${s.unit}`), ["10 min", "2 h", "3 d", "10 min"]);
});

test("positions are written as notices to mariners have them, with no 60 minutes", () => {
  assert.equal(position(68.862617, 36.718103), "36-43.086N 068-51.757E");
  assert.equal(position(-0.5, -0.25), "00-15.000S 000-30.000W");
  assert.equal(position(9.9999999, 59.9999999), "60-00.000N 010-00.000E");
  assert.equal(position(190, 10), "10-00.000N 170-00.000W");
});

test("distances and angles on the sphere", () => {
  assert.ok(Math.abs(distance([0, 0], [0, 1]) - 111_195) < 1);
  assert.ok(Math.abs(distance([179.5, 0], [-179.5, 0]) - 111_195) < 1);
  assert.ok(Math.abs(angle([0, 90], [123, 89]) - 1) < 1e-9);
  assert.deepEqual([length(850), length(12_400), length(250_000)], ["850 m", "12.4 km", "250 km"]);
  assert.deepEqual([wrap(180), wrap(-180), wrap(540), wrap(179)], [-180, -180, -180, 179]);
});

test("a view shows all places, straight from above, also across 180 degrees and at the pole", () => {
  const fiji = around([[175, -15], [-175, -20]], 800, 600);
  assert.ok(Math.abs(Math.abs(fiji.lon) - 180) < 0.5 && Math.abs(fiji.lat + 17.5) < 0.5);
  const pole = around([[0, 85], [120, 85], [-120, 85]], 800, 600);
  assert.ok(pole.lat > 89.9);
  for (const place of [[175, -15], [-175, -20]] as [number, number][]) {
    const at = projection(fiji, 800, 600)(place);
    assert.ok(at && at[0] > 0 && at[0] < 800 && at[1] > 0 && at[1] < 600);
  }
});

test("dragging moves what is under the pointer with it, in every view", () => {
  for (const kind of ["globe", "flat", "north", "south"] as const) {
    const lat = kind === "south" ? -80 : kind === "north" ? 80 : 0;
    const view = { kind, lon: 10, lat, scale: 500 };
    const after = moved(view, 30, 0, 800, 600);
    const at = projection(after, 800, 600)([10, lat]);
    assert.ok(at && Math.abs(at[0] - 430) < 2 && Math.abs(at[1] - 300) < 3, `${kind} ${String(at)}`);
  }
});
