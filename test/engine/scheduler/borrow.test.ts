// Whether a run that is not full takes shorter requests along.

import { describe, expect, test } from "@jest/globals";
import { borrowedRows, rowsInTime } from "../../../src/engine/scheduler/borrow.ts";

/** A run costs `base`, and `each` for every row. */
function curve(base: number, each: number) {
  const runMs = (rows: number): number => base + each * rows;
  return { lastAt: 0, meanMs: runMs, typicalMs: runMs, safeMs: runMs, p99Ms: runMs };
}

describe("shorter requests ride along", () => {
  test.each([
    // What a run costs at all, what a row costs here and there, rows that wait, room: rows taken.
    ["a run of their own costs more than the padding", 10, 3, 2, 2, 8, 2],
    ["the padding costs more than a run of their own", 1, 3, 1, 2, 8, 0],
    ["there is no room", 10, 3, 2, 2, 0, 0],
    ["nothing waits", 10, 3, 2, 0, 8, 0],
    // Seven of eight would leave a run of one behind, which still costs 10.
    ["only some of them fit, so that their own run is needed anyway", 10, 3, 2, 8, 7, 0],
    ["they take less here than there, however many are left", 10, 1, 2, 8, 7, 7],
    // Eleven rows make two runs of their own at most eight each; three of them spare one run.
    ["a whole run of theirs is spared", 10, 3, 2, 11, 3, 3],
  ])("%s", (_, base, here, there, waiting, spareRows, taken) => {
    const run = { curve: curve(base, here), rows: 3, spareRows };
    expect(borrowedRows(run, { curve: curve(base, there), rows: waiting, maxRows: 8 })).toBe(taken);
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
