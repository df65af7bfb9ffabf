import { afterEach, describe, expect, test } from "@jest/globals";
import { LatencyModel } from "../../../src/engine/scheduler/latency-model.ts";
import { createScheduler } from "../../../src/engine/scheduler/scheduler.ts";
import { createFakeInstance, createLane, endCalls, queueOptions, rowsOf, send, setUp, settle } from "./fake-instance.ts";
import type { ManualClock } from "./manual-clock.ts";
import { createManualClock } from "./manual-clock.ts";

afterEach(endCalls);

/** Every size takes this long. */
function takes(ms: number, clock: ManualClock): LatencyModel {
  const latency = new LatencyModel();
  for (const rows of [1, 4]) latency.record(rows, ms, clock.now());
  return latency;
}

describe("a run that does not end", () => {
  test("is told once, when the next request finds it so, and once more when it has ended after all", async () => {
    const clock = createManualClock();
    const told: unknown[] = [];
    const { engine, runs } = setUp({ latency: takes(10, clock), onHang: (heldMs, isOver) => told.push([heldMs, isOver]) }, clock, 2);
    const ask = async (): Promise<void> => {
      const { result } = send(engine, [1]);
      runs.at(-1)!.finish();
      await result;
    };
    void send(engine, [0]);
    clock.advance(1000);
    await ask();
    expect(told).toEqual([]);
    clock.advance(1);
    await ask();
    clock.advance(10_000);
    await ask();
    expect(told).toEqual([[1001, false]]);
    runs[0]!.finish(11_001);
    await settle();
    expect(told.slice(1)).toEqual([[11_001, true]]);
  });

  test("of another version on the same lane is that one's to tell", () => {
    const clock = createManualClock();
    const told: string[] = [];
    const lane = createLane();
    const scheduler = createScheduler(clock);
    const [first, second] = ["first", "second"].map((name) =>
      scheduler.createEngine(queueOptions([createFakeInstance(lane, [])], { latency: takes(10, clock), onHang: () => told.push(name) })),
    );
    void send(first!, [0]);
    clock.advance(5000);
    for (const engine of [second!, first!, second!]) void send(engine, [1]);
    expect(told).toEqual(["first"]);
  });

  test("holds its lane alone: the version is degraded, the other lane goes on", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ latency: takes(10, clock) }, clock, 2);
    void send(engine, [0]);
    clock.advance(1000);
    expect(engine.statistics().scheduling).toMatchObject({ isDegraded: false });
    clock.advance(1);
    expect(engine.statistics().scheduling).toMatchObject({ isDegraded: true });
    for (const value of [1, 2]) {
      const { result } = send(engine, [value], { deadline: clock.now() + 30 });
      runs.at(-1)!.finish();
      expect(rowsOf(await result)).toEqual([value + 1]);
    }
    expect(runs).toHaveLength(3);
  });

  test("gets nothing staged behind it", () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ latency: takes(2, clock) }, clock);
    void send(engine, [0]);
    clock.advance(1001);
    for (const value of [1, 2, 3, 4]) void send(engine, [value]);
    expect(runs).toHaveLength(1);
  });

  test("takes three times the 99th percentile where that is longer than a second, and any time if nothing is known", () => {
    const clock = createManualClock();
    for (const latency of [takes(1000, clock), new LatencyModel()]) {
      const { engine } = setUp({ latency }, clock);
      void send(engine, [0]);
      clock.advance(3000);
      expect(engine.statistics().scheduling).toMatchObject({ isDegraded: false });
    }
  });

  test("on every lane: who cannot wait is told so, who can waits", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ latency: takes(10, clock) }, clock);
    void send(engine, [0]);
    clock.advance(2000);
    await expect(send(engine, [1], { deadline: clock.now() + 500 }).result).rejects.toMatchObject({
      reason: "MODEL_STALLED",
      code: "UNAVAILABLE",
      retryAfterMs: 1000,
    });
    const patient = send(engine, [2], { deadline: clock.now() + 60_000 });
    expect(engine.statistics().queuedRows).toBe(1);
    runs[0]!.finish();
    await settle();
    runs[1]!.finish();
    expect(rowsOf(await patient.result)).toEqual([3]);
  });

  test("that ends after all: who still waits is answered, and the lane proves itself with one request alone", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ latency: takes(2, clock) }, clock);
    const late = send(engine, [0]);
    for (const value of [1, 2, 3, 4, 5, 6, 7, 8]) void send(engine, [value]);
    // One batch was staged before anything hung.
    expect(runs).toHaveLength(2);
    clock.advance(1500);
    runs[0]!.finish();
    expect(rowsOf(await late.result)).toEqual([1]);
    clock.advance(2);
    runs[1]!.finish();
    await settle();
    expect(engine.statistics().scheduling).toMatchObject({ isDegraded: false });
    expect(runs[2]!.values).toEqual([5, 6, 7, 8]);
    clock.advance(8000);
    for (const value of [9, 10, 11, 12, 13, 14, 15, 16]) void send(engine, [value]);
    runs[2]!.finish();
    await settle();
    // On probation: one request, nothing staged.
    expect(runs.slice(3).map(({ values }) => values)).toEqual([[9]]);
    expect(engine.statistics().scheduling).toMatchObject({ isDegraded: true });
    clock.advance(2);
    runs[3]!.finish();
    await settle();
    expect(engine.statistics().scheduling).toMatchObject({ isDegraded: false });
    expect(runs.slice(4).map(({ values }) => values)).toEqual([[10, 11, 12, 13]]);
  });
});
