// Which choice wins.

import { describe, expect, test } from "@jest/globals";
import type { TuneRow } from "../../../src/engine/tuning/choose-best.ts";
import { bestOfEach, chooseBest, rowsOf } from "../../../src/engine/tuning/choose-best.ts";
import { quickerOf } from "../../../src/engine/tuning/measurement.ts";
import { CPU } from "../scheduler/simulation/profiles.ts";
import { measured } from "./measured.ts";

/** Instances, threads, batch, saturated and in-time rates. */
type Short = readonly [number, number, number, number, number];

function row([instances, intraOpThreads, maxBatchSize, saturatedPerSecond, goodput]: Short): TuneRow {
  return { instances, intraOpThreads, maxBatchSize, saturatedPerSecond, goodputPerSecond: goodput, p50RunMs: 1, memoryBytes: 0 };
}

describe("the best row", () => {
  test.each<[string, readonly Short[], number | undefined]>([
    ["of nothing there is none", [], undefined],
    [
      "none when nothing is answered in time",
      [
        [1, 1, 1, 90, 0],
        [2, 1, 1, 180, 0],
      ],
      undefined,
    ],
    [
      "the highest goodput",
      [
        [1, 1, 8, 100, 80],
        [1, 2, 8, 180, 150],
        [2, 1, 8, 200, 160],
      ],
      2,
    ],
    [
      "nearly as good with fewer instances wins: each holds the weights",
      [
        [2, 1, 8, 200, 100],
        [1, 2, 8, 190, 97.5],
      ],
      1,
    ],
    [
      "more than 3 % worse does not",
      [
        [2, 1, 8, 200, 100],
        [1, 2, 8, 190, 96],
      ],
      0,
    ],
    [
      "fewer threads where instances are equal",
      [
        [1, 4, 8, 200, 100],
        [1, 1, 8, 190, 98],
        [1, 2, 8, 200, 99],
      ],
      1,
    ],
    [
      "fewest instances come before fewest threads",
      [
        [2, 1, 8, 200, 100],
        [1, 4, 8, 200, 98],
      ],
      1,
    ],
    [
      "equal goodput: the batch with the best throughput",
      [
        [1, 1, 4, 400, 50],
        [1, 1, 8, 700, 50],
        [1, 1, 16, 900, 50],
      ],
      2,
    ],
    [
      "a larger batch that gains less than 3 % is not worth the wait",
      [
        [1, 1, 8, 880, 50],
        [1, 1, 16, 900, 50],
        [1, 1, 32, 905, 50],
      ],
      0,
    ],
    [
      "throughput beyond the objective does not count",
      [
        [1, 1, 8, 700, 50],
        [1, 1, 16, 900, 20],
      ],
      0,
    ],
  ])("%s", (_, rows, expected) => {
    const all = rows.map(row);
    expect(chooseBest(all)).toBe(expected === undefined ? undefined : all[expected]);
  });

  test("of each choice of instances and threads", () => {
    const rows = (
      [
        [1, 1, 1, 10, 9],
        [1, 1, 2, 20, 18],
        [2, 1, 1, 20, 0],
        [2, 1, 2, 40, 0],
      ] as const
    ).map(row);
    expect(bestOfEach(rows)).toEqual([rows[1], rows[2]]);
  });
});

describe("rows of a measurement", () => {
  const measurement = measured(CPU.runMs, 16, { instances: 2, intraOpThreads: 3, memoryBytes: 5 });
  const options = { objectiveMs: 150, cores: 8 };

  test("one for each batch size, with what it is worth", async () => {
    const rows = await rowsOf(measurement, options);
    expect(rows.map(({ maxBatchSize }) => maxBatchSize)).toEqual([1, 2, 4, 8, 16]);
    expect(rows[4]).toMatchObject({ instances: 2, intraOpThreads: 3, memoryBytes: 5, p50RunMs: 26 });
    expect(rows[4]!.saturatedPerSecond).toBeCloseTo((2 * 16 * 1000) / 26);
    expect(rows[4]!.goodputPerSecond).toBeGreaterThan(0.8 * rows[4]!.saturatedPerSecond);
    expect(rows[4]!.goodputPerSecond).toBeLessThanOrEqual(rows[4]!.saturatedPerSecond);
  });

  test.each([
    [8, [8]],
    // 64 rows were too slow to be measured.
    [64, [16]],
  ])("only %d rows", async (onlyRows, expected) => {
    expect((await rowsOf(measurement, options, onlyRows)).map(({ maxBatchSize }) => maxBatchSize)).toEqual(expected);
  });
});

test("of two measurements the quicker times count, size by size", () => {
  const one = measured((rows) => (rows < 4 ? 1 : 9), 8, { memoryBytes: 1 });
  const other = measured((rows) => (rows < 4 ? 2 : 8), 4, { memoryBytes: 2 });
  const { sizes, memoryBytes } = quickerOf(one, other);
  expect(sizes.map(({ rows, busyMs }) => [rows, busyMs[0]])).toEqual([
    [1, 1],
    [2, 1],
    [4, 8],
    [8, 9],
  ]);
  expect(memoryBytes).toBe(2);
});
