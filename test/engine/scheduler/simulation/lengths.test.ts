// Requests of many lengths, padded to share runs.

import { expect, test } from "@jest/globals";
import { LatencyModel } from "../../../../src/engine/scheduler/latency-model.ts";
import { bucketLengths, bucketOf } from "../../../../src/tensor/length-buckets.ts";
import type { Draw } from "./arrivals.ts";
import { poisson } from "./arrivals.ts";
import type { Noise, Profile } from "./profiles.ts";
import { HEAVY, LIGHT } from "./profiles.ts";
import { createRandom, normal } from "./random.ts";
import type { Outcome } from "./simulate.ts";
import { simulate, summarize } from "./simulate.ts";

const MAX_LENGTH = 512;
const MAX_TOKENS = 4096;
const BUCKETS = bucketLengths(16, MAX_LENGTH, 1.5);

/** A small transformer: 3 ms, and 4 µs a token. */
const TEXT: Profile = { runMs: (rows, length = MAX_LENGTH) => 3 + 0.004 * rows * length, maxBatchSize: 32, sloMs: 150 };

/** Log-normal around 64. */
const draw: Draw = (random) => {
  const length = Math.min(MAX_LENGTH, Math.max(1, Math.round(64 * Math.exp(0.9 * normal(random)))));
  return { rows: 1, sloMs: TEXT.sloMs, priority: 0, length };
};

const keyOf = (length: number): string => `${length}|L,`;

/** As warm-up leaves it: four runs of every power of two, for every length. */
function warmedUp(noise: Noise, lengths: readonly number[]): LatencyModel {
  const random = createRandom(99);
  const latency = new LatencyModel();
  for (const length of lengths) {
    for (let rows = 1; rows <= TEXT.maxBatchSize && (rows === 1 || rows * length <= MAX_TOKENS); rows *= 2) {
      for (let i = 0; i < 4; i++) {
        const ms = TEXT.runMs(rows, length) * noise(random);
        latency.record(rows, ms, 1e9, keyOf(length));
        if (length === MAX_LENGTH) latency.record(rows, ms, 1e9);
      }
    }
  }
  return latency;
}

/** @param perMs requests. @param isPadded false: only requests of equal length share runs. */
async function run(perMs: number, noise: Noise, isPadded = true): Promise<Outcome> {
  const random = createRandom(1);
  const lengths = isPadded ? BUCKETS : Array.from({ length: MAX_LENGTH }, (_, i) => i + 1);
  return simulate({
    profile: TEXT,
    arrivals: poisson(random, 6000, perMs, draw),
    random,
    noise,
    options: {
      latency: warmedUp(noise, lengths),
      ...(isPadded ? { padding: { maxBatchTokens: MAX_TOKENS, outputDims: [] } } : {}),
    },
    shapeOf: (length) => {
      const paddedLength = isPadded ? bucketOf(BUCKETS, length)! : length;
      return { shapeKey: keyOf(paddedLength), padding: { length, paddedLength } };
    },
  });
}

/** The middle of the times to the answer, in milliseconds. */
function medianMs({ fates }: Outcome): number {
  const times = fates.filter(({ outcome }) => outcome === "ok").map(({ arrival, answeredAt }) => answeredAt - arrival.at);
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}

test.each([
  // One instance serves about 1.75 requests a millisecond.
  ["light", LIGHT, 1, 0.999],
  ["light", LIGHT, 1.5, 0.995],
  ["light", LIGHT, 2, 0.88],
  ["light", LIGHT, 3, 0.69],
  ["heavy", HEAVY, 1, 0.995],
  ["heavy", HEAVY, 1.5, 0.98],
  ["heavy", HEAVY, 3, 0.66],
])("goodput with %s noise (%#)", async (_, noise: Noise, perMs, least) => {
  const outcome = await run(perMs, noise);
  const { goodput, late, onArrival } = summarize(outcome);
  expect(goodput).toBeGreaterThanOrEqual(least);
  expect(late).toBeLessThanOrEqual(0.01);
  if (perMs === 3) expect(onArrival).toBeGreaterThanOrEqual(0.75);
});

test("padding serves what would be refused if only requests of equal length shared runs", async () => {
  const [padded, alone] = [await run(1.5, LIGHT), await run(1.5, LIGHT, false)];
  expect(summarize(padded).goodput - summarize(alone).goodput).toBeGreaterThan(0.1);
  expect(padded.meanBatch).toBeGreaterThan(2 * alone.meanBatch);
});

test("at light load runs that are not full take shorter requests along, and everybody waits less", async () => {
  const outcome = await run(0.6, LIGHT);
  // Without that it is 21 ms.
  expect(medianMs(outcome)).toBeLessThan(15);
});

test("at full load a sixth of a run is padding, as the steps of the lengths say", async () => {
  const { padRatio } = (await run(3, LIGHT)).scheduling;
  expect(Math.abs(padRatio.sum / padRatio.count - 0.17)).toBeLessThan(0.06);
});
