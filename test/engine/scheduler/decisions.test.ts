import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { batchSize, DROP_HEAD, roundToPreferred } from "../../../src/engine/scheduler/batch-size.ts";
import { DeadlineIndex } from "../../../src/engine/scheduler/deadline-index.ts";
import { doneWhenIdle, Forecast } from "../../../src/engine/scheduler/forecast.ts";
import type { RunTimes } from "../../../src/engine/scheduler/latency-curve.ts";
import { LoopOverhead } from "../../../src/engine/scheduler/overhead.ts";

/** Ten milliseconds and one for each row; the safe prediction is twice that. */
const TIMES: RunTimes = {
  lastAt: 0,
  meanMs: (rows) => 10 + rows,
  typicalMs: (rows) => 10 + rows,
  safeMs: (rows) => 2 * (10 + rows),
  p99Ms: (rows) => 3 * (10 + rows),
};

describe("rows by deadline", () => {
  test("property: are counted as a list would count them, however far time goes on", () => {
    const step = fc.record({
      aheadMs: fc.integer({ min: 0, max: 5000 }),
      rows: fc.integer({ min: 1, max: 9 }),
      afterMs: fc.integer({ min: 0, max: 900 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: 1e10 }), (steps, start) => {
        const index = new DeadlineIndex();
        let now = start;
        let waiting: { readonly deadline: number; readonly rows: number; readonly tick: number }[] = [];
        for (const { aheadMs, rows, afterMs } of steps) {
          now += afterMs;
          for (const { tick, rows: left } of waiting.filter(({ deadline }) => deadline < now)) index.remove(tick, left);
          waiting = waiting.filter(({ deadline }) => deadline >= now);
          const deadline = now + aheadMs;
          const isNear = aheadMs < 4095;
          // What was far away when it came counts only for those who are far away.
          const expected = waiting.filter((other) => (isNear ? other.tick < 4096 && other.deadline <= deadline : true));
          expect(index.rowsUpTo(deadline, now)).toBe(expected.reduce((sum, other) => sum + other.rows, 0));
          waiting.push({ deadline, rows, tick: index.add(deadline, rows, now) });
        }
      }),
      { numRuns: 200 },
    );
  });

  test("whose deadline has passed do not count", () => {
    const index = new DeadlineIndex();
    index.add(1000, 5, 990);
    expect(index.rowsUpTo(1500, 1001)).toBe(0);
    expect(index.rowsUpTo(995, 1001)).toBe(0);
  });
});

describe("the size of a batch", () => {
  test.each([
    // rows of the head, rows that fit, milliseconds left, floor → rows
    [1, 8, 36, 0.97, 8],
    [1, 8, 100, 0.97, 8],
    // Seven rows take 17 ms, eight take 18: 0.412 rows a millisecond instead of 0.444.
    [1, 8, 35, 0.97, DROP_HEAD],
    [1, 8, 35, 0.92, 7],
    [1, 8, 25, 0, 2],
    [2, 8, 23, 0, DROP_HEAD],
    [1, 1, 21, 0.97, DROP_HEAD],
    [1, 1, 22, 0.97, 1],
  ])("head of %i rows, %i waiting, %d ms left, floor %d: %i", (headRows, full, budgetMs, floor, expected) => {
    expect(batchSize(TIMES, headRows, full, budgetMs, floor)).toBe(expected);
  });

  // As where every started group of four rows costs 10 ms more.
  const steps: RunTimes = { ...TIMES, typicalMs: (rows) => 1 + 10 * Math.ceil(rows / 4) };
  test.each([
    ["on a preferred size it stays", steps, 1, 8, 8],
    ["cut where a row takes less time", steps, 1, 9, 8],
    ["cut to the next smaller one only", steps, 1, 6, 4],
    ["not cut where a row takes longer", TIMES, 1, 9, 9],
    ["not cut below the most urgent request", steps, 5, 7, 7],
    ["nothing to cut to", steps, 1, 3, 3],
  ])("preferred sizes 4 and 8: %s", (_, times, headRows, rows, expected) => {
    expect(roundToPreferred(times, headRows, rows, [4, 8])).toBe(expected);
  });

  test("preferred sizes: nothing is cut while no run is known", () => {
    expect(roundToPreferred({ ...TIMES, typicalMs: () => 0 }, 1, 5, [4])).toBe(5);
  });
});

describe("a forecast", () => {
  const backlog = { rows: 0, rowsPerRun: 8, joiningPerMs: 0, free: [100] };
  const predict = (rows: number, given: Partial<typeof backlog>, admission: "strict" | "lenient" = "strict"): readonly number[] => {
    const forecast = new Forecast();
    forecast.predict(TIMES, rows, 8, { ...backlog, runMs: TIMES.meanMs(given.rowsPerRun ?? 8), ...given }, admission, 90);
    return [forecast.startsAt, forecast.doneAt];
  };

  test.each([
    // rows, before it, start, done
    [1, { rows: 0 }, 100, 122],
    [1, { rows: 3 }, 100, 128],
    // Two full batches at their mean.
    [1, { rows: 16 }, 136, 158],
    // Does not fit beside seven others.
    [2, { rows: 7 }, 118, 142],
    // The last part of ten rows follows the first.
    [10, { rows: 0 }, 118, 142],
    [1, { rows: 16, free: [100, 105] }, 118, 140],
    [1, { rows: 8, free: [100, 105] }, 105, 127],
    // Requests that share no runs: five runs of two rows.
    [2, { rows: 10, rowsPerRun: 2 }, 160, 184],
    // Three rows join until the start.
    [1, { joiningPerMs: 0.3 }, 100, 128],
    [1, { rows: 6, joiningPerMs: 9 }, 100, 136],
  ])("of %i rows behind %p: starts at %d, done at %d", (rows, given, start, done) => {
    expect(predict(rows, given)).toEqual([start, done]);
  });

  test("that is lenient counts neither on others to join nor on a long run", () => {
    expect(predict(1, { rows: 3, joiningPerMs: 9 }, "lenient")).toEqual([100, 114]);
  });

  test("for an idle server", () => {
    expect(doneWhenIdle(TIMES, 3, 8, 1, 90)).toBe(116);
    // Two runs of eight at their mean, then four rows; on two lanes one of the two is at the same time.
    expect(doneWhenIdle(TIMES, 20, 8, 1, 90)).toBe(90 + 36 + 28);
    expect(doneWhenIdle(TIMES, 20, 8, 2, 90)).toBe(90 + 18 + 28);
  });
});

test("overhead is twice the event loop's delay and a little, and forgets a stall", () => {
  const overhead = new LoopOverhead();
  expect(overhead.ms).toBe(0.5);
  overhead.touch(1000);
  overhead.onTimer(1001);
  expect(overhead.ms).toBe(0.5);
  overhead.touch(2000);
  overhead.onTimer(2009);
  expect(overhead.ms).toBe(2.5);
  for (let at = 3000; at < 6000; at += 100) {
    overhead.touch(at);
    overhead.onTimer(at + 1);
  }
  expect(overhead.ms).toBeLessThan(0.6);
});
