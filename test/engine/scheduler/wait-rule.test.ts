import { afterEach, expect, test } from "@jest/globals";
import { patienceMs } from "../../../src/engine/scheduler/gate.ts";
import { endCalls, send, setUp, settle } from "./fake-instance.ts";
import { createManualClock } from "./manual-clock.ts";
import { knownLatency } from "./simulation/profiles.ts";

afterEach(endCalls);

test.each([
  // Whoever comes next waits for 20 ms, the one who waits now loses one gap: worth it for gaps below half of that.
  [1, 20, 0, 10],
  [3, 20, 0, 5],
  // A longer run is lost time for all.
  [1, 20, 4, 8],
  [4, 20, 5, 0],
  [4, 20, 6, -0.8],
])("%i rows, %i ms until an instance is free, %d ms longer: worth a gap of less than %d ms", (rows, freeMs, growthMs, expected) => {
  expect(patienceMs(rows, freeMs, growthMs)).toBeCloseTo(expected);
});

/** An engine by the rule `auto` to which a row a millisecond has come for a while, and whose instances are idle again. */
async function busyEngine(lanes: number) {
  const clock = createManualClock();
  const latency = knownLatency({ runMs: (rows) => 19.5 + 0.5 * rows, maxBatchSize: 8, sloMs: Infinity });
  const { engine, runs } = setUp({ maxQueueDelayMs: 50, gate: "auto", maxBatchSize: 8, latency }, clock, lanes);
  let done = 0;
  const finish = async (): Promise<void> => {
    while (done < runs.length) {
      runs[done++]!.finish();
      await settle();
    }
  };
  for (let i = 0; i < 320; i++) {
    void send(engine, [0]);
    clock.advance(1);
    await finish();
  }
  clock.advance(50);
  await finish();
  const before = runs.length;
  return { engine, clock, batches: () => runs.slice(before).map(({ values }) => values), finish };
}

test("the last idle instance waits for the rows that are expected, and leaves when they do not come", async () => {
  const { engine, clock, batches, finish } = await busyEngine(1);
  void send(engine, [1]);
  clock.advance(1);
  void send(engine, [2]);
  expect(batches()).toEqual([]);
  // The 20 ms of a run, shared by two that wait and the one that might come.
  clock.advance(5);
  expect(batches()).toEqual([]);
  clock.advance(3);
  const before = engine.statistics().scheduling!.dispatches;
  expect(before.gate).toBeGreaterThan(0);
  expect(batches()).toEqual([[1, 2]]);
  await finish();
  // Nothing is waited for with rows that come so seldom.
  clock.advance(10_000);
  for (let i = 0; i < 3; i++) {
    void send(engine, [3 + i]);
    await finish();
    clock.advance(10_000);
  }
  const { gate, idle } = engine.statistics().scheduling!.dispatches;
  expect([gate - before.gate, idle - before.idle]).toEqual([0, 3]);
});

test("a full batch does not wait", async () => {
  const { engine, batches } = await busyEngine(1);
  for (let i = 1; i <= 8; i++) void send(engine, [i]);
  expect(batches()).toEqual([[1, 2, 3, 4, 5, 6, 7, 8]]);
});

test("nobody waits while another instance is idle", async () => {
  const { engine, clock, batches } = await busyEngine(2);
  void send(engine, [1]);
  expect(batches()).toEqual([[1]]);
  void send(engine, [2]);
  expect(batches()).toEqual([[1]]);
  clock.advance(20);
  expect(batches()).toEqual([[1], [2]]);
});

test("rows that come seldom are not waited for", async () => {
  const clock = createManualClock();
  const { engine, runs } = setUp({ maxQueueDelayMs: 50, gate: "auto" }, clock);
  void send(engine, [1]);
  expect(runs).toHaveLength(1);
  expect(clock.timerCount).toBe(0);
});
