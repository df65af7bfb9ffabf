// The few lengths that requests are padded to.

import { expect, test } from "@jest/globals";
import { assert, double, integer, property } from "fast-check";
import { createRandom, normal } from "../engine/scheduler/simulation/random.ts";
import { bucketLengths, bucketOf, rowsWithinTokens } from "../../src/tensor/length-buckets.ts";

test.each([
  [16, 512, 1.5, [16, 24, 35, 51, 75, 110, 161, 237, 348, 512]],
  [1, 8, 2, [1, 2, 4, 8]],
  [1, 4, 1.1, [1, 2, 3, 4]],
  [64, 64, 1.5, [64]],
  [60, 64, 1.5, [60, 64]],
])("from %i to %i in steps of %d: %j", (minLength, maxLength, ratio, lengths) => {
  expect(bucketLengths(minLength, maxLength, ratio)).toEqual(lengths);
});

test("property: a length goes into the shortest bucket that holds it, which is hardly longer than the ratio says", () => {
  assert(
    property(
      integer({ min: 1, max: 64 }),
      integer({ min: 64, max: 4096 }),
      double({ min: 1.1, max: 4, noNaN: true }),
      integer({ min: 1, max: 4096 }),
      (minLength, maxLength, ratio, length) => {
        const buckets = bucketLengths(minLength, maxLength, ratio);
        expect(buckets.toSorted((a, b) => a - b)).toEqual(buckets);
        const bucket = bucketOf(buckets, length);
        if (length > maxLength) {
          expect(bucket).toBeUndefined();
          return;
        }
        expect(bucket).toBe(buckets.find((candidate) => candidate >= length));
        // Lengths are whole numbers: of 1 and 2 the ratio is what it is.
        if (length > minLength) expect(bucket).toBeLessThanOrEqual(ratio * (length + 0.5) + 1);
      },
    ),
  );
});

test("nothing is added to no length at all", () => {
  expect(bucketOf([16, 32], 0)).toBe(0);
});

test.each([
  [32, 16_384, 512, 32],
  [32, 16_384, 1024, 16],
  [32, 16_384, 16, 32],
  [32, 100, 512, 1],
])("of %i rows, %i tokens and length %i a run takes %i", (maxRows, tokens, length, rows) => {
  expect(rowsWithinTokens(maxRows, tokens, length)).toBe(rows);
});

const MAX_LENGTH = 512;

/** Log-normal lengths, as texts have them, around 64. */
function lengthsOf(spread: number, count: number): readonly number[] {
  const random = createRandom(7);
  return Array.from({ length: count }, () => Math.min(MAX_LENGTH, Math.max(1, Math.round(64 * Math.exp(spread * normal(random))))));
}

/** Which share of all positions is padding when these are run together, each group padded to its own length. */
function padShare(groups: readonly (readonly number[])[], paddedTo: (group: readonly number[]) => number): number {
  let real = 0;
  let all = 0;
  for (const group of groups) {
    for (const length of group) real += length;
    all += group.length * paddedTo(group);
  }
  return 1 - real / all;
}

test.each([
  // Spread; simulated before: first come first served in batches of 32, then buckets x2, x1.5, x1.25.
  [0.5, 0.61, 0.3, 0.19, 0.1],
  [0.9, 0.75, 0.28, 0.17, 0.1],
  [1.2, 0.74, 0.24, 0.14, 0.08],
])("the share of padding at spread %d: %d in order of arrival, %d, %d and %d with buckets", (spread, fifo, ...bucketed) => {
  const lengths = lengthsOf(spread, 32 * 500);
  const batches = Array.from({ length: 500 }, (_, i) => lengths.slice(32 * i, 32 * (i + 1)));
  expect(Math.abs(padShare(batches, (batch) => Math.max(...batch)) - fifo)).toBeLessThan(0.04);
  for (const [i, ratio] of [2, 1.5, 1.25].entries()) {
    const buckets = bucketLengths(6, MAX_LENGTH, ratio);
    const share = padShare(
      lengths.map((length) => [length]),
      ([length]) => bucketOf(buckets, length!)!,
    );
    expect(Math.abs(share - bucketed[i]!)).toBeLessThan(0.03);
  }
});
