// The rate that is answered in time, as the sweep computes it from measured run times.

import { describe, expect, test } from "@jest/globals";
import { goodputPerSecond, MOST_REQUESTS_PER_SECOND } from "../../../src/engine/tuning/goodput.ts";
import type { Measurement } from "../../../src/engine/tuning/measurement.ts";
import { plain, poisson } from "../scheduler/simulation/arrivals.ts";
import type { Profile } from "../scheduler/simulation/profiles.ts";
import { BL, CPU, M25, RN } from "../scheduler/simulation/profiles.ts";
import { createRandom } from "../scheduler/simulation/random.ts";
import { simulate, summarize } from "../scheduler/simulation/simulate.ts";
import { measured } from "./measured.ts";

const CORES = 64;

/** Share of the requests that the real scheduler answers in time when they come at this rate. */
async function shareServed({ runMs, maxBatchSize, sloMs }: Profile, lanes: number, perSecond: number): Promise<number> {
  const random = createRandom(7);
  const arrivals = poisson(random, 6000, perSecond / 1000, plain(sloMs));
  const profile = { runMs, maxBatchSize, sloMs };
  return summarize(await simulate({ profile, arrivals, random, lanes, noise: () => 1 })).goodput;
}

/** The rate found for a model on a CPU whose cache is too small. */
function rate(objectiveMs: number, maxRows = 32, instances = 1): number {
  return goodputPerSecond(measured(CPU.runMs, 32, { instances }), maxRows, { objectiveMs, cores: CORES });
}

/** The rate found for a model that takes hardly any time. */
function tiny(execution: Measurement["execution"]): number {
  const measurement = measured(() => 0.02, 1, { execution });
  return goodputPerSecond(measurement, 1, { objectiveMs: 50, cores: CORES });
}

describe("against the real scheduler in simulated time", () => {
  test.each<[string, Profile, number]>([
    ["much gain from batches", RN, 1],
    ["little gain from batches", BL, 1],
    ["a CPU whose cache is too small", CPU, 1],
    ["two instances", CPU, 2],
    ["25 M parameters", M25, 1],
  ])("%s: at the rate found 98 %% and more are served, at 1.2 times the rate fewer", async (_, profile, lanes) => {
    const measurement = measured(profile.runMs, profile.maxBatchSize, { instances: lanes });
    const found = goodputPerSecond(measurement, profile.maxBatchSize, { objectiveMs: profile.sloMs, cores: CORES });
    expect(await shareServed(profile, lanes, found)).toBeGreaterThanOrEqual(0.98);
    expect(await shareServed(profile, lanes, 1.2 * found)).toBeLessThan(0.98);
  });
});

describe("what decides", () => {
  test("the same measurement gives the same rate", () => {
    expect(rate(150)).toBe(rate(150));
  });

  test("nothing is in time when one row alone takes longer than the objective", () => {
    expect(rate(11)).toBe(0);
  });

  test("a looser objective allows a higher rate, never one above what full batches reach", () => {
    const rates = [20, 40, 80, 160, 640].map((objectiveMs) => rate(objectiveMs));
    expect(rates).toEqual(rates.toSorted((a, b) => a - b));
    expect(rates[0]).toBeGreaterThan(0);
    expect(rates.at(-1)).toBeLessThanOrEqual(32_000 / CPU.runMs(32));
    expect(rates.at(-1)).toBeGreaterThan(2 * rates[0]!);
  });

  test("larger batches carry more", () => {
    expect(rate(150, 1)).toBeLessThan(1000 / CPU.runMs(1));
    expect(rate(150, 32)).toBeGreaterThan(5 * rate(150, 1));
  });

  test("two instances carry about twice as much, when there are cores for both and for the event loop", () => {
    expect(rate(150, 32, 2) / rate(150)).toBeGreaterThan(1.8);
  });

  test("the event loop takes its share where no core is left for it", () => {
    const light = measured((rows) => 0.1 + 0.1 * rows, 32, { instances: 2 });
    const of = (cores: number): number => goodputPerSecond(light, 16, { objectiveMs: 100, cores });
    expect(of(3)).toBe(MOST_REQUESTS_PER_SECOND);
    expect(of(1)).toBeLessThan(of(3));
  });

  test("inline requests are read and written on the thread that runs them", () => {
    expect(tiny("thread")).toBe(MOST_REQUESTS_PER_SECOND);
    expect(tiny("inline")).toBeLessThan(MOST_REQUESTS_PER_SECOND);
  });

  test("one stall while it was measured does not decide", () => {
    const steady = measured(CPU.runMs, 32);
    const stalled = { ...steady, sizes: steady.sizes.map((size) => ({ ...size, busyMs: [...size.busyMs, 50 * size.busyMs[0]!] })) };
    const options = { objectiveMs: 150, cores: CORES };
    expect(goodputPerSecond(stalled, 32, options)).toBeGreaterThan(0.7 * goodputPerSecond(steady, 32, options));
  });
});
