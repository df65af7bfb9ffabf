// Whether a run that is not full takes shorter requests along.

import { describe, expect, test } from "@jest/globals";
import { rowsInTime } from "../../../src/engine/scheduler/batch-size.ts";
import { borrowedRows } from "../../../src/engine/scheduler/borrow.ts";

/** A run costs `base`, and `each` for every row. */
function curve(base: number, each: number) {
  const runMs = (rows: number): number => base + each * rows;
  return { lastAt: 0, meanMs: runMs, typicalMs: runMs, safeMs: runMs, p99Ms: runMs };
}

describe("shorter requests ride along", () => {
  test.each([
    // What a run costs at all, what a row costs, length over length, rows that wait, room: rows taken. A row of half the length pads for half.
    ["a run of their own costs more than the padding", 10, 3, 0.5, 2, 8, 2],
    ["the padding costs more than a run of their own", 2, 3, 0.5, 2, 8, 0],
    ["there is hardly any padding", 2, 3, 0.9, 2, 8, 2],
    ["there is no room", 10, 3, 0.5, 2, 0, 0],
    ["nothing waits", 10, 3, 0.5, 0, 8, 0],
    // Seven of eight would leave a run of one behind.
    ["only some of them fit, so that their own run is needed anyway", 10, 1, 0.5, 8, 7, 0],
    // Eleven rows make two runs of their own of at most eight each; three of them spare one run.
    ["a whole run of theirs is spared", 10, 3, 0.5, 11, 3, 3],
    ["one run is spared, the other is needed anyway", 10, 3, 0.5, 11, 8, 0],
  ])("%s", (_, base, each, lengthShare, waiting, spareRows, taken) => {
    const run = { curve: curve(base, each), rows: 3, spareRows };
    expect(borrowedRows(run, { curve: curve(base, lengthShare * each), rows: waiting, maxRows: 8, lengthShare })).toBe(taken);
  });

  test("a curve that is flat where it matters does not make padding free", () => {
    // 30 ms from four rows on, as when larger runs were measured in a quiet moment; by the slope from the first row each costs 5.
    const flat = { ...curve(0, 0), typicalMs: (rows: number) => Math.min(30, 10 + (20 * (rows - 1)) / 3) };
    const shorter = { curve: curve(5, 1), rows: 4, maxRows: 8, lengthShare: 0.25 };
    expect(borrowedRows({ curve: flat, rows: 4, spareRows: 4 }, shorter)).toBe(0);
  });

  test("times of their own runs that were measured in a bad moment do not make them ride along", () => {
    const shorter = { curve: curve(500, 100), rows: 4, maxRows: 8, lengthShare: 0.5 };
    expect(borrowedRows({ curve: curve(1, 3), rows: 4, spareRows: 4 }, shorter)).toBe(0);
  });
});

test.each([
  [1, 8, 100, 8],
  [1, 8, 20, 5],
  [1, 8, 12, 1],
  // What rides already is too late as it is.
  [3, 8, 5, 3],
  [3, 3, 100, 3],
])("of %i to %i rows in %d ms: %i", (least, most, budgetMs, rows) => {
  expect(rowsInTime(curve(10, 2), least, most, budgetMs)).toBe(rows);
});
