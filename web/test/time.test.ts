import assert from "node:assert/strict";
import { test } from "node:test";
import { field, fit, group, next, read, stand, step, within } from "../src/map/time.ts";

const HOUR = 3600;
const AT = Date.UTC(2026, 10, 25, 14, 3) / 1000;

test("an activity is in force from its start up to, and not at, its end", () => {
  const windows: [number, number][] = [[100, 200], [300, 400]];
  assert.deepEqual([99, 100, 199, 200, 399, 400].map((t) => stand(windows, t)), ["coming", "now", "now", "coming", "now", "over"]);
  assert.equal(stand([], 5), "always");
});

test("what touches the range is in the list", () => {
  const range = { from: 100, to: 200 };
  assert.ok(within([[50, 101]], range) && within([[199, 300]], range) && within([], range));
  assert.ok(!within([[50, 100]], range) && !within([[200, 300]], range));
});

test("the range holds what is coming, in whole hours, at least two days and at most sixty", () => {
  for (const [end, hours] of [[0, 48], [AT + 100 * HOUR, 107], [AT + 5000 * HOUR, 60 * 24]] as const) {
    const range = fit([[AT, end]], AT);
    assert.equal(range.from % HOUR, 0);
    assert.ok(range.from < AT);
    assert.equal((range.to - range.from) / HOUR, hours);
  }
});

test("a slider has about four hundred steps, and playing begins again after the end", () => {
  const range = { from: 0, to: 48 * HOUR };
  assert.equal(step(range), 600);
  assert.equal(next(0, range), 600);
  assert.equal(next(48 * HOUR, range), 0);
});

test("times are UTC wherever the browser is", () => {
  assert.equal(group(AT), "251403Z NOV 26");
  assert.equal(field(AT), "2026-11-25 14:03");
  for (const text of ["2026-11-25 14:03", "2026-11-25T14:03Z", " 2026-11-25 1403z "]) assert.equal(read(text), AT, text);
  assert.ok(Number.isNaN(read("25.11.2026 14:03")));
});
