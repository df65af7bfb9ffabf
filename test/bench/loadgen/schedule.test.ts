// Schedules: the same seed gives the same calls, and rates, bursts, steps and mixes are what was asked for.

import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";

import { arrivalTimes, defaultBursts } from "../../../bench/loadgen/arrivals.ts";
import type { Arrivals } from "../../../bench/loadgen/arrivals.ts";
import { seededRandom } from "../../../bench/loadgen/random.ts";
import { makeSchedule, measuredSeconds } from "../../../bench/loadgen/schedule.ts";
import type { ScheduleSpec } from "../../../bench/loadgen/schedule.ts";
import { scheduleFromJson, scheduleToJson } from "../../../bench/loadgen/schedule-file.ts";

const one = <T>(value: T): { readonly value: T; readonly weight: number }[] => [{ value, weight: 1 }];
const base: ScheduleSpec = {
  seed: 1,
  arrivals: { kind: "poisson" },
  rate: 1000,
  seconds: 20,
  warmupSeconds: 1,
  deadlinesMs: one(80),
  rows: one(1),
  models: one("m"),
};
const arrivals: fc.Arbitrary<Arrivals> = fc.oneof(
  fc.constant<Arrivals>({ kind: "poisson" }),
  fc.constant<Arrivals>({ kind: "even" }),
  fc.constant(defaultBursts),
  fc
    .array(fc.record({ factor: fc.double({ min: 0.1, max: 5, noNaN: true }), seconds: fc.double({ min: 0.1, max: 2, noNaN: true }) }), {
      minLength: 1,
      maxLength: 4,
    })
    .map((steps): Arrivals => ({ kind: "steps", steps })),
);
const mix = fc.array(fc.record({ value: fc.integer({ min: 1, max: 500 }), weight: fc.double({ min: 0.1, max: 5, noNaN: true }) }), {
  minLength: 1,
  maxLength: 3,
});
const specs: fc.Arbitrary<ScheduleSpec> = fc.record({
  seed: fc.nat(),
  arrivals,
  rate: fc.integer({ min: 1, max: 500 }),
  seconds: fc.double({ min: 0.1, max: 2, noNaN: true }),
  warmupSeconds: fc.double({ min: 0, max: 1, noNaN: true }),
  deadlinesMs: fc.oneof(mix, fc.constant(one(Infinity))),
  rows: mix,
  lengths: fc.option(mix, { nil: undefined }),
  models: fc.constantFrom(one("a"), [...one("a"), ...one("b")]),
});

test("the same spec gives the same schedule; times ascend, end in time, and every call has a class", () => {
  fc.assert(
    fc.property(specs, (spec) => {
      const schedule = makeSchedule(spec);
      expect(makeSchedule(spec)).toEqual(schedule);
      expect(schedule.atMs).toEqual(schedule.atMs.toSorted((a, b) => a - b));
      // Sums of seconds and of milliseconds differ in the last digit.
      expect(schedule.atMs.at(-1) ?? 0).toBeLessThan((spec.warmupSeconds + measuredSeconds(spec)) * 1000 + 1e-6);
      expect(schedule.classOf).toHaveLength(schedule.atMs.length);
      expect(schedule.classOf.every((index) => schedule.classes[index] !== undefined)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test("a schedule survives its file, to the microsecond", () => {
  fc.assert(
    fc.property(specs, (spec) => {
      const schedule = makeSchedule(spec);
      const read = scheduleFromJson(scheduleToJson(schedule));
      expect({ ...read, atMs: [] }).toEqual({ ...schedule, atMs: [] });
      read.atMs.forEach((at, i) => expect(Math.abs(at - schedule.atMs[i]!)).toBeLessThanOrEqual(0.000_51));
    }),
    { numRuns: 20 },
  );
  expect(() => scheduleFromJson("{}")).toThrow("format");
});

test("another seed gives other times; another mix leaves the times as they are", () => {
  const { atMs } = makeSchedule(base);
  expect(makeSchedule({ ...base, seed: 2 }).atMs).not.toEqual(atMs);
  expect(makeSchedule({ ...base, deadlinesMs: [...one(48), ...one(160)] }).atMs).toEqual(atMs);
});

describe("rates", () => {
  test("Poisson: mean and variance of the calls in 100 ms", () => {
    const { atMs } = makeSchedule(base);
    const perBin = Array.from({ length: 210 }, () => 0);
    for (const at of atMs) perBin[Math.floor(at / 100)]!++;
    const mean = perBin.reduce((a, b) => a + b, 0) / perBin.length;
    const variance = perBin.reduce((sum, n) => sum + (n - mean) ** 2, 0) / perBin.length;
    // Standard errors: 0.7 % of the mean, 10 % of the variance.
    expect(mean / 100).toBeCloseTo(1, 1);
    expect(variance / mean).toBeGreaterThan(0.6);
    expect(variance / mean).toBeLessThan(1.4);
  });

  test("even: one call every 1 / rate", () => {
    const { atMs } = makeSchedule({ ...base, arrivals: { kind: "even" } });
    expect(atMs).toHaveLength(20_999);
    expect(atMs[41]! - atMs[40]!).toBeCloseTo(1, 9);
  });

  test("bursts: three times the rate for a quarter of the time, a third of it otherwise, and the mean that was asked for", () => {
    const times = arrivalTimes(defaultBursts, 1000, 0, 600_000, seededRandom(7));
    const perBin = Array.from({ length: 12_000 }, () => 0);
    for (const at of times) perBin[Math.floor(at / 50)]!++;
    // 150 calls are expected of 50 ms in a burst, 17 outside.
    const inBurst = perBin.filter((n) => n > 110).length / perBin.length;
    const outside = perBin.filter((n) => n < 40).length / perBin.length;
    expect(times.length / 600).toBeGreaterThan(930);
    expect(times.length / 600).toBeLessThan(1070);
    // 50 ms that hold a change of state are neither.
    expect(inBurst).toBeGreaterThan(0.15);
    expect(inBurst).toBeLessThan(0.25);
    expect(outside).toBeGreaterThan(0.62);
  });

  test("steps: each its own rate, the first one in the warm-up too", () => {
    const steps = [0.5, 1.5, 0.5].map((factor) => ({ factor, seconds: 5 }));
    const spec: ScheduleSpec = { ...base, arrivals: { kind: "steps", steps } };
    const { atMs } = makeSchedule(spec);
    const between = (from: number, to: number): number => atMs.filter((at) => at >= from && at < to).length / (to - from);
    expect(measuredSeconds(spec)).toBe(15);
    expect(between(0, 6000)).toBeCloseTo(0.5, 1);
    expect(between(6000, 11_000)).toBeCloseTo(1.5, 1);
    expect(between(11_000, 16_000)).toBeCloseTo(0.5, 1);
  });
});

test("mixes: shares follow the weights", () => {
  const { classes, classOf } = makeSchedule({
    ...base,
    deadlinesMs: [
      { value: 48, weight: 1 },
      { value: 160, weight: 3 },
    ],
    rows: [...one(1), ...one(8)],
    lengths: [...one(16), ...one(64)],
    models: [
      { value: "a", weight: 0.9 },
      { value: "b", weight: 0.1 },
    ],
  });
  const share = (of: (callClass: (typeof classes)[number]) => boolean): number =>
    classOf.filter((index) => of(classes[index]!)).length / classOf.length;
  expect(classes).toHaveLength(16);
  expect(share(({ deadlineMs }) => deadlineMs === 160)).toBeCloseTo(0.75, 1);
  expect(share(({ rows }) => rows === 8)).toBeCloseTo(0.5, 1);
  expect(share(({ length }) => length === 16)).toBeCloseTo(0.5, 1);
  expect(share(({ model }) => model === "b")).toBeCloseTo(0.1, 1);
  expect(share(({ model, deadlineMs, rows }) => model === "a" && deadlineMs === 48 && rows === 1)).toBeCloseTo(0.1125, 1);
});
