import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { LatencyCurve } from "../../../src/engine/scheduler/latency-curve.ts";
import { LatencyModel } from "../../../src/engine/scheduler/latency-model.ts";

function curveOf(sizes: Readonly<Record<number, readonly number[]>>): LatencyCurve {
  const curve = new LatencyCurve(false);
  for (const [rows, times] of Object.entries(sizes)) for (const ms of times) curve.record(Number(rows), ms, 0);
  curve.rows();
  return curve;
}

const run = fc.record({
  rows: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 20_000 })),
  ms: fc.double({ min: 0.01, max: 1000, noNaN: true }),
  afterMs: fc.constantFrom(0, 1, 50, 40_000),
});

describe("a curve", () => {
  test("knows nothing before the first run", () => {
    const curve = new LatencyCurve(false);
    expect([curve.meanMs(1), curve.safeMs(32), curve.p99Ms(7)]).toEqual([0, 0, 0]);
  });

  test("property: never falls with the rows, whatever was measured and asked for", () => {
    fc.assert(
      fc.property(fc.array(run, { minLength: 1, maxLength: 120 }), fc.boolean(), (runs, warms) => {
        const curve = new LatencyCurve(warms);
        let at = 0;
        for (const { rows, ms, afterMs } of runs) curve.record(rows, ms, (at += afterMs));
        const asked = [...Array.from({ length: 64 }, (_, i) => i), 100, 1000, 4095, 4096, 4097, 5000, 19_999, 20_000, 30_000];
        for (let i = 1; i < asked.length; i++) {
          for (const what of ["meanMs", "safeMs", "p99Ms"] as const) {
            const [smaller, larger] = [curve[what](asked[i - 1]!), curve[what](asked[i]!)];
            expect(larger).toBeGreaterThanOrEqual(smaller * (1 - 1e-12));
            expect(Number.isFinite(larger)).toBe(true);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test("interpolates between sizes, keeps the smallest one's time below it, and goes on with the mean slope above the largest", () => {
    const curve = curveOf({ 4: [10], 8: [14], 16: [30] });
    expect([1, 4, 6, 8, 12, 16].map((rows) => curve.meanMs(rows))).toEqual([10, 10, 12, 14, 22, 30]);
    expect(curve.meanMs(28)).toBeCloseTo(50, 9);
    expect(curveOf({ 4: [10] }).meanMs(8)).toBe(20);
  });

  test("the safe prediction is the 95th percentile and never more than 1.6 times the mean, with a margin of 5 %", () => {
    const times = Array.from({ length: 64 }, (_, i) => 10 + i / 64);
    expect(curveOf({ 1: times }).safeMs(1)).toBeCloseTo((10 + 60 / 64) * 1.05, 9);
    const often = [...Array.from({ length: 16 }, () => 10), 90, 90, 90, 90];
    expect(curveOf({ 1: often }).safeMs(1)).toBeCloseTo(26 * 1.6 * 1.05, 9);
  });

  test("of few runs those that stand out count little", () => {
    expect(curveOf({ 1: [10, 10, 90, 90] }).safeMs(1)).toBeCloseTo(20 * 1.05, 9);
    const stalled = curveOf({ 1: [10, 10, 10, 90] });
    expect(stalled.safeMs(1)).toBeCloseTo(12.5 * 1.05, 9);
    expect(stalled.typicalMs(1)).toBe(10);
    expect(stalled.p99Ms(1)).toBe(90);
  });

  test("one stalled run at a small size raises larger sizes by its weight only, and not for long", () => {
    const curve = new LatencyCurve(false);
    let at = 0;
    for (let i = 0; i < 40; i++) for (const rows of [1, 2, 4, 8]) curve.record(rows, 5 + rows * 0.1, (at += 10));
    const before = curve.safeMs(8);
    curve.record(1, 500, (at += 10));
    for (let i = 0; i < 8; i++) curve.record(8, 5.8, (at += 10));
    // All four sizes are pooled: 1 of 165 runs took 500 ms.
    expect(curve.meanMs(8)).toBeLessThan(9);
    expect(curve.safeMs(8)).toBeLessThan(before * 1.1);
    for (let i = 0; i < 72; i++) curve.record(1, 5.1, (at += 10));
    expect(curve.meanMs(8)).toBeCloseTo(5.8, 1);
  });

  test("does not believe that a size that has not run for a while takes longer per row than smaller ones do now", () => {
    const curve = new LatencyCurve(false);
    for (const rows of [1, 8, 16]) for (let i = 0; i < 5; i++) curve.record(rows, 100 + rows, 0);
    for (let i = 0; i < 5; i++) curve.record(8, 12, 10_000 + i);
    // The old runs of eight rows still count; those of sixteen are taken for twice as long.
    expect(curve.meanMs(16)).toBeCloseTo(Math.min(116, 2 * curve.meanMs(8)), 9);
    for (let i = 0; i < 64; i++) curve.record(8, 12, 11_000 + 20 * i);
    expect(curve.meanMs(16)).toBeCloseTo(24, 9);
    expect(curve.safeMs(16)).toBeCloseTo(24 * 1.05, 9);
    curve.record(16, 30, 12_300);
    for (let i = 0; i < 8; i++) curve.record(8, 12, 12_301 + 20 * i);
    expect(curve.meanMs(16)).toBeCloseTo((5 * 116 + 30) / 6, 9);
  });

  test("leaves out the first run of a new size that is much slower than the others say, and believes the second", () => {
    const curve = new LatencyCurve(false);
    for (let i = 0; i < 40; i++) for (const rows of [1, 8]) curve.record(rows, 5 + rows * 0.1, i * 10);
    curve.record(4, 50, 500);
    expect(curve.rows().map(({ rows }) => rows)).toEqual([1, 8]);
    for (let i = 0; i < 8; i++) curve.record(4, 50, 600 + i * 10);
    expect(curve.rows().find(({ rows }) => rows === 4)).toMatchObject({ runs: 8, meanMs: 50 });
  });

  test("forgets a slow time when newer ones come, and keeps what still makes sense of a size that runs no more", () => {
    const curve = new LatencyCurve(false);
    for (let i = 0; i < 10; i++) curve.record(4, 100, i);
    for (let i = 0; i < 20; i++) curve.record(2, 10, i);
    expect(curve.meanMs(4)).toBe(100);
    for (let i = 0; i < 64; i++) curve.record(2, 30, 40_000 + i * 10);
    expect(curve.meanMs(4)).toBe(60);
    // Larger batches are as fast as smaller ones now: what is old and slow gives way.
    for (let i = 0; i < 64; i++) curve.record(8, 32, 50_000 + i * 10);
    expect(curve.meanMs(4)).toBeLessThan(36);
  });

  test("of a shape that has just come replaces its first, cold run by the second", () => {
    const curve = new LatencyCurve(true);
    curve.record(1, 400, 0);
    expect(curve.meanMs(1)).toBe(400);
    curve.record(1, 10, 1);
    expect(curve.meanMs(1)).toBe(10);
    curve.record(1, 20, 2);
    expect(curve.meanMs(1)).toBe(15);
  });

  test("is fitted every few runs only, once it has seen enough", () => {
    const curve = new LatencyCurve(false);
    for (let i = 0; i < 100; i++) curve.record(1, 10, i * 10);
    for (let i = 0; i < 3; i++) curve.record(1, 20, 1000 + i * 0.01);
    expect(curve.meanMs(1)).toBe(10);
    for (let i = 0; i < 8; i++) curve.record(1, 20, 1010 + i * 10);
    expect(curve.meanMs(1)).toBeGreaterThan(10);
  });
});

describe("a model's curves", () => {
  test("are the common one until a shape has run, then its own", () => {
    const model = new LatencyModel();
    model.record(1, 10, 0);
    expect(model.curve("64").meanMs(1)).toBe(10);
    model.record(1, 80, 1, "64");
    expect(model.curve("64").meanMs(1)).toBe(80);
    expect(model.curve("").meanMs(1)).toBe(10);
    expect(model.rows()).toEqual([{ rows: 1, runs: 1, meanMs: 10, p95Ms: 10 }]);
  });

  test("are limited in number; an idle shape makes room", () => {
    const model = new LatencyModel();
    for (let i = 0; i < 64; i++) model.record(1, 1, i, `s${i}`);
    model.record(1, 50, 100, "late");
    expect(model.curve("late")).toBe(model.curve(""));
    model.record(1, 50, 60_050, "later");
    expect(model.curve("later")).not.toBe(model.curve(""));
    expect(model.curve("s0")).toBe(model.curve(""));
  });
});
