import { afterEach, describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { AllowedLatency, createAllowedSizes, roundToAllowed } from "../../../src/engine/scheduler/allowed-sizes.ts";
import { LatencyModel } from "../../../src/engine/scheduler/latency-model.ts";
import { endCalls, finishAll, rowsOf, send, setUp, settle, submit } from "./fake-instance.ts";
import { createManualClock } from "./manual-clock.ts";
import { knownLatency } from "./simulation/profiles.ts";

afterEach(endCalls);

describe("sizes", () => {
  test("property: the next allowed ones, as a list would be searched", () => {
    const sizes = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 60 }), (given, rows) => {
        const sorted = given.toSorted((a, b) => a - b);
        const { up, down } = createAllowedSizes(sorted);
        expect(up(rows)).toBe(sorted.find((size) => size >= rows) ?? rows);
        expect(down(rows)).toBe(sorted.findLast((size) => size <= rows) ?? 0);
      }),
    );
  });

  const allowed = createAllowedSizes([2, 4, 8]);
  const costing = (runMs: (rows: number) => number) =>
    new AllowedLatency(knownLatency({ runMs, maxBatchSize: 8, sloMs: Infinity }), allowed).curve("");
  test.each([
    ["an allowed size stays", (rows: number) => rows, 1, 4, 4],
    ["filled up where the larger run costs little more", (rows: number) => 10 + rows, 1, 6, 6],
    ["cut where filling up costs more", (rows: number) => rows, 1, 6, 4],
    ["not cut below the most urgent request", (rows: number) => rows, 5, 6, 6],
    ["below the smallest there is nothing to cut to", (rows: number) => rows, 1, 1, 1],
  ])("2, 4 and 8: %s", (_, runMs, headRows, rows, expected) => {
    expect(roundToAllowed(costing(runMs), headRows, rows, allowed)).toBe(expected);
  });

  test("every size costs what the one costs that it is filled up to", () => {
    const latency = new LatencyModel();
    for (const rows of [2, 4, 8]) latency.record(rows, 10 * rows);
    const filledUp = new AllowedLatency(latency, allowed);
    const curve = filledUp.curve("");
    expect([1, 2, 3, 4, 5, 7, 8].map((rows) => curve.meanMs(rows))).toEqual([20, 20, 40, 40, 80, 80, 80]);
    expect(filledUp.curve("")).toBe(curve);
    expect(curve.safeMs(5)).toBe(latency.curve("").safeMs(8));
    filledUp.record(4, 30, performance.now(), "");
    expect(curve.meanMs(3)).toBe(35);
  });
});

describe("batches", () => {
  test("are filled up, and nobody gets the rows that were filled in", async () => {
    const { engine, runs } = setUp({ allowedBatchSizes: [2, 4] });
    const first = submit(engine, [0]);
    const rest = [submit(engine, [1]), submit(engine, [2, 3])];
    expect(runs.map(({ values, rows }) => [values, rows])).toEqual([[[0], 2]]);
    await finishAll(runs);
    expect(runs.map(({ values, rows }) => [values, rows])).toEqual([
      [[0], 2],
      [[1, 2, 3], 4],
    ]);
    expect(rowsOf(await first.result)).toEqual([1]);
    expect(await Promise.all(rest.map(async ({ result }) => rowsOf(await result)))).toEqual([[2], [3, 4]]);
    expect((await first.result).batchRows).toBe(1);
    expect(engine.statistics()).toMatchObject({ batchCount: 2, rowCount: 4, batches: [{ rows: 2 }, { rows: 4 }] });
  });

  test("are filled up with requests of lower levels first", async () => {
    const defaultPolicy = { timeoutMs: 0, onTimeout: "reject", allowOverride: true, maxQueueRequests: 0 } as const;
    const queue = { levels: 2, defaultLevel: 2, defaultPolicy, policies: new Map() };
    const latency = knownLatency({ runMs: (rows) => 10 + rows, maxBatchSize: 4, sloMs: Infinity });
    const { engine, runs } = setUp({ allowedBatchSizes: [1, 4], queue, latency });
    for (const [value, priority] of [
      [0, 1],
      [1, 2],
      [2, 1],
      [3, 2],
    ] as const) {
      void send(engine, [value], { priority });
    }
    await finishAll(runs);
    expect(runs.map(({ values, rows }) => [values, rows])).toEqual([
      [[0], 1],
      [[2, 1, 3], 4],
    ]);
  });

  test("a request is refused for the time of the run that it is filled up to", async () => {
    const clock = createManualClock();
    const latency = knownLatency({ runMs: (rows) => 10 * rows, maxBatchSize: 4, sloMs: Infinity }, 1);
    const { engine } = setUp({ allowedBatchSizes: [4], latency }, clock);
    await expect(send(engine, [1], { deadline: clock.now() + 39 }).result).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    void send(engine, [1], { deadline: clock.now() + 41 });
    expect(engine.statistics().scheduling?.shed).toMatchObject({ hopeless: 1, tooBusy: 0 });
  });

  test("are cut to an allowed size for the deadline of the most urgent request", async () => {
    const clock = createManualClock();
    const latency = knownLatency({ runMs: (rows) => 10 * rows, maxBatchSize: 8, sloMs: Infinity }, 1);
    const { engine, runs } = setUp({ allowedBatchSizes: [1, 2, 8], maxBatchSize: 8, latency, admission: "off" }, clock);
    void send(engine, [0]);
    void send(engine, [1], { deadline: clock.now() + 60 });
    for (const value of [2, 3, 4, 5, 6, 7, 8]) void send(engine, [value]);
    runs[0]!.finish();
    await settle();
    expect([runs[1]!.values, runs[1]!.rows]).toEqual([[1, 2], 2]);
  });

  test("property: whatever the sizes and requests, runs have allowed sizes and each row returns to its own caller", async () => {
    const sizes = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 });
    const requests = fc.array(fc.integer({ min: 1, max: 14 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(sizes, requests, fc.integer({ min: 1, max: 3 }), fc.boolean(), async (given, wanted, lanes, sharesRuns) => {
        const allowedBatchSizes = given.toSorted((a, b) => a - b);
        const maxBatchSize = allowedBatchSizes.at(-1)!;
        const { engine, runs } = setUp({ allowedBatchSizes, maxBatchSize, sharesRuns }, undefined, lanes);
        const sent = wanted.map((rows, i) => {
          const values = Array.from({ length: rows }, (_, row) => 100 * i + row);
          return { values, result: submit(engine, values).result };
        });
        await finishAll(runs);
        for (const { values, result } of sent) expect(rowsOf(await result)).toEqual(values.map((value) => value + 1));
        for (const { rows } of runs) expect(allowedBatchSizes).toContain(rows);
      }),
      { numRuns: 100 },
    );
  });
});
