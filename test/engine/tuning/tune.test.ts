// The sweep over a backend whose loads and runs take as long as the test says.

import { describe, expect, test } from "@jest/globals";
import type { LoadOptions } from "../../../src/engine/backend.ts";
import type { Sizes } from "../../../src/engine/tuning/candidates.ts";
import type { TuneOptions, TuneResult } from "../../../src/engine/tuning/tune.ts";
import { tune } from "../../../src/engine/tuning/tune.ts";
import type { TimedBackend, TimedModel } from "./timed-backend.ts";
import { createTimedBackend, plainOptions } from "./timed-backend.ts";

interface Swept extends TimedBackend {
  readonly result: Promise<TuneResult>;
}

function sweep(model: TimedModel, tuning: Partial<TuneOptions> = {}, options: Partial<LoadOptions> = {}): Swept {
  const timed = createTimedBackend(model);
  const { signal } = new AbortController();
  const usual = { objectiveMs: 100, budgetMs: 60_000, cores: 4, maxWorkers: 4, pins: {}, signal, clock: timed.clock };
  return { ...timed, result: tune(timed.backend, plainOptions(options), { ...usual, ...tuning }) };
}

/** 10 ms for the weights, which threads share out, and 1 ms a row. */
function heavy(rows: number, { intraOpThreads }: Sizes): number {
  return (10 + rows) / intraOpThreads;
}

const shown = ({ instances, intraOpThreads }: Sizes): string => `${instances} × ${intraOpThreads}`;

describe("what is tried", () => {
  test("every choice with every batch size, one loaded at a time, and everything is closed", async () => {
    const open: number[] = [];
    const swept = sweep({ runMs: heavy, onRun: () => open.push(swept.openCount()) });
    const { rows, leftOut, failed } = await swept.result;
    expect([...new Set(rows.map(shown))]).toEqual(["1 × 1", "1 × 4", "2 × 2", "4 × 1", "1 × 2", "2 × 1"]);
    expect(rows.filter((row) => shown(row) === "2 × 2").map(({ maxBatchSize }) => maxBatchSize)).toEqual([1, 2, 4, 8, 16, 32]);
    expect([leftOut, failed, swept.openCount(), Math.max(...open)]).toEqual([[], [], 0, 1]);
  });

  test("requests do not share runs while they are measured, and everything else is as it will be served", async () => {
    const swept = sweep({ runMs: heavy }, {}, { execution: "process", parallelExecution: true });
    await swept.result;
    expect(swept.loads[1]).toMatchObject({
      sharesRuns: false,
      execution: "process",
      parallelExecution: true,
      instances: 1,
      intraOpThreads: 4,
    });
  });

  test("batches that take longer than the objective are not tried, nor larger ones", async () => {
    const ran = new Set<number>();
    const swept = sweep({ runMs: (rows) => 10 * rows, onRun: (rows) => ran.add(rows) }, { objectiveMs: 50 });
    const { rows } = await swept.result;
    expect([...ran].toSorted((a, b) => a - b)).toEqual([1, 2, 4, 8]);
    expect(Math.max(...rows.map(({ maxBatchSize }) => maxBatchSize))).toBe(4);
  });

  test("a model whose rows do not share runs: instances and threads only", async () => {
    const ran = new Set<number>();
    const { batched, rows } = await sweep({ runMs: heavy, splitsRequests: false, maxBatchSize: 0, onRun: (n) => ran.add(n) }).result;
    expect([batched, rows.length, [...ran]]).toEqual([false, 6, [1]]);
  });

  test("requests that must not share runs: one size", async () => {
    const { batched, rows } = await sweep({ runMs: heavy }, { pins: { maxBatchSize: 0 } }, { sharesRuns: false }).result;
    expect([batched, new Set(rows.map(({ maxBatchSize }) => maxBatchSize))]).toEqual([false, new Set([1])]);
  });

  test("a pinned batch size is the only one to choose, the smaller ones are still measured", async () => {
    const ran = new Set<number>();
    const { rows } = await sweep({ runMs: heavy, onRun: (n) => ran.add(n) }, { pins: { maxBatchSize: 16 } }, { maxBatchSize: 16 }).result;
    expect(rows.map(({ maxBatchSize }) => maxBatchSize)).toEqual(Array(6).fill(16));
    expect(ran).toEqual(new Set([1, 2, 4, 8, 16]));
  });

  test("no batch with more input than runs may share", async () => {
    const { rows } = await sweep({ runMs: heavy }, {}, { maxBatchBytes: 40 }).result;
    expect(Math.max(...rows.map(({ maxBatchSize }) => maxBatchSize))).toBe(10);
  });

  test.each([
    ["webgpu", ["1 × 1"]],
    ["cuda", ["1 × 1", "2 × 1"]],
  ] as const)("on %s what suits the device, whatever was planned for the CPU", async (provider, expected) => {
    const { rows } = await sweep({ runMs: heavy, provider }).result;
    expect([...new Set(rows.map(shown))]).toEqual(expected);
  });
});

test("a model that asks for WebGPU and gets the CPU is tuned for the CPU", async () => {
  const { rows } = await sweep({ runMs: heavy }, {}, { providers: ["webgpu", "cpu"] }).result;
  expect(new Set(rows.map(shown)).size).toBe(6);
});

describe("what is chosen", () => {
  test("threads where they help the single request as much as instances would help the throughput", async () => {
    expect((await sweep({ runMs: heavy }).result).best).toMatchObject({ instances: 1, intraOpThreads: 4 });
  });

  test("instances where threads help nothing", async () => {
    const { best } = await sweep({ runMs: (rows) => 10 + rows }).result;
    expect(best).toMatchObject({ instances: 4, intraOpThreads: 1 });
  });

  test("the smallest that is enough for all that the event loop takes in", async () => {
    const { best } = await sweep({ runMs: () => 0.05 }).result;
    expect(best).toMatchObject({ instances: 1, intraOpThreads: 1 });
  });

  test("nothing when one row takes longer than the objective", async () => {
    const { best, rows } = await sweep({ runMs: () => 200 }).result;
    expect([best, rows.length]).toEqual([undefined, 6]);
  });
});

describe("time", () => {
  test("everything is tried a second time, the other way round, and a slow moment of the machine decides nothing", async () => {
    // While the second choice is tried for the first time, everything takes ten times as long.
    const swept = sweep({ runMs: (rows, sizes) => heavy(rows, sizes) * (swept.loads.length === 2 ? 10 : 1) }, { objectiveMs: 200 });
    const { best } = await swept.result;
    const order = ["1 × 1", "1 × 4", "2 × 2", "4 × 1", "1 × 2", "2 × 1"];
    expect(swept.loads.map(shown)).toEqual([...order, ...order.toReversed()]);
    expect(best).toMatchObject({ instances: 1, intraOpThreads: 4 });
  });

  test("a sweep keeps to its budget, and says what it has not tried", async () => {
    const swept = sweep({ runMs: heavy, loadMs: 300 }, { budgetMs: 1000 });
    const { leftOut, rows, tookMs } = await swept.result;
    expect(tookMs).toBeLessThan(1500);
    expect([...new Set(rows.map(shown)), ...leftOut.map(shown)].toSorted()).toEqual(
      ["1 × 1", "1 × 2", "1 × 4", "2 × 1", "2 × 2", "4 × 1"].toSorted(),
    );
    expect(leftOut.length).toBeGreaterThan(0);
  });

  test("one choice is measured however long it takes", async () => {
    const { rows, leftOut } = await sweep({ runMs: () => 50, loadMs: 5000 }, { budgetMs: 100 }).result;
    expect([rows.map(shown), leftOut.length]).toEqual([["1 × 1"], 5]);
  });

  test("a fast model needs less than its budget", async () => {
    expect((await sweep({ runMs: () => 1 }, { budgetMs: 600_000 }).result).tookMs).toBeLessThan(10_000);
  });

  test("progress goes from 0 to 1 and never back", async () => {
    const shares: number[] = [];
    await sweep({ runMs: heavy }, { onProgress: (share) => shares.push(share) }).result;
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect([shares[0], shares.at(-1)]).toEqual([0, expect.closeTo(1)]);
  });
});

describe("failures leave nothing behind", () => {
  test("the first choice cannot be loaded: as a load that fails", async () => {
    const swept = sweep({ runMs: heavy, failsToLoad: () => true });
    await expect(swept.result).rejects.toThrow("no room");
    expect([swept.loads.length, swept.openCount()]).toEqual([1, 0]);
  });

  test("another choice cannot be loaded: it is named, the others count", async () => {
    const swept = sweep({ runMs: heavy, failsToLoad: ({ instances }) => instances > 1 });
    const { failed, best } = await swept.result;
    expect(failed.map(shown)).toEqual(["2 × 2", "4 × 1", "2 × 1"]);
    expect(swept.loads.filter(({ instances }) => instances > 1).length).toBe(3);
    expect([best?.instances, swept.openCount()]).toEqual([1, 0]);
  });

  test("the model runs on no made-up input", async () => {
    const swept = sweep({ runMs: heavy, failsToRun: true });
    await expect(swept.result).rejects.toThrow("The model failed on every made-up input.");
    expect(swept.openCount()).toBe(0);
  });

  test("a signal ends it between two runs", async () => {
    const stop = new AbortController();
    let runs = 0;
    const onRun = (): void => {
      if (++runs === 20) stop.abort(new Error("enough"));
    };
    const swept = sweep({ runMs: heavy, onRun }, { signal: stop.signal });
    await expect(swept.result).rejects.toThrow("enough");
    expect(swept.openCount()).toBe(0);
    expect(runs).toBeLessThan(40);
  });
});
