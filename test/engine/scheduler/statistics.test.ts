import { afterEach, expect, test } from "@jest/globals";
import { RunFailure } from "../../../src/engine/scheduler/executor.ts";
import { PLAIN_QUEUE } from "../../../src/engine/queue-policy.ts";
import { LatencyModel } from "../../../src/engine/scheduler/latency-model.ts";
import { RunStatistics } from "../../../src/engine/scheduler/run-statistics.ts";
import { createScheduler } from "../../../src/engine/scheduler/scheduler.ts";
import type { FakeRun } from "./fake-instance.ts";
import { createFakeInstance, createLane, endCalls, finishAll, queueOptions, send, setUp, settle } from "./fake-instance.ts";
import { createManualClock } from "./manual-clock.ts";

afterEach(endCalls);

test("runs are counted by the rows that really ran, smallest first", async () => {
  const clock = createManualClock();
  const { engine, runs } = setUp({}, clock);
  expect(engine.statistics()).toMatchObject({ batchCount: 0, rowCount: 0, queuedRows: 0, batches: [] });
  for (const values of [[0], [1, 2], [3], [4]]) void send(engine, values);
  clock.advance(10);
  // Of the ten milliseconds between hand-over and return seven were the run.
  runs[0]!.finish(7);
  await settle();
  clock.advance(5);
  runs[1]!.finish(4);
  await settle();
  void send(engine, [5]);
  clock.advance(3);
  runs[2]!.finish(1);
  await settle();
  expect(engine.statistics()).toMatchObject({
    batchCount: 3,
    rowCount: 6,
    queuedRows: 0,
    batches: [
      { rows: 1, count: 2, batchMs: 5, runMs: 8, postprocessMs: 0 },
      { rows: 4, count: 1, batchMs: 1, runMs: 4, postprocessMs: 0 },
    ],
  });
});

test("cutting counts as postprocess", async () => {
  const clock = createManualClock();
  // Every reading of this clock moves it by a millisecond.
  const { engine, runs } = setUp(
    {},
    {
      now: () => {
        clock.stall(1);
        return clock.now();
      },
      after: (ms, callback) => clock.after(ms, callback),
    },
  );
  void send(engine, [0]);
  await finishAll(runs);
  expect(engine.statistics().batches).toEqual([{ rows: 1, count: 1, batchMs: 0, runMs: 1, postprocessMs: 1 }]);
});

test("a failed run is not counted, its repetitions are", async () => {
  const { engine, runs } = setUp({}, createManualClock());
  for (const value of [0, 1, 2]) void send(engine, [value]);
  runs[0]!.finish();
  await settle();
  runs[1]!.fail(new RunFailure("Non-zero status code", true));
  await settle();
  await finishAll(runs, 2);
  expect(engine.statistics()).toMatchObject({ batchCount: 3, rowCount: 3, batches: [{ rows: 1, count: 3 }] });
});

test("times are never negative, even when the worker's clock runs ahead", async () => {
  const clock = createManualClock();
  const { engine, runs } = setUp({}, clock);
  const { result } = send(engine, [0]);
  clock.advance(3);
  runs[0]!.finish(5);
  expect(await result).toMatchObject({ queueMs: 0, batchMs: 0, runMs: 3 });
  expect(engine.statistics().batches).toEqual([{ rows: 1, count: 1, batchMs: 0, runMs: 3, postprocessMs: 0 }]);
});

test("a reader keeps what it was given", () => {
  const runs = new RunStatistics();
  runs.record(8, 1, 2, 3);
  runs.record(2, 1, 1, 1);
  const before = runs.toArray();
  runs.record(8, 1, 2, 3);
  expect(before).toEqual([
    { rows: 2, count: 1, batchMs: 1, runMs: 1, postprocessMs: 1 },
    { rows: 8, count: 1, batchMs: 1, runMs: 2, postprocessMs: 3 },
  ]);
  expect(runs.toArray()[1]).toEqual({ rows: 8, count: 2, batchMs: 2, runMs: 4, postprocessMs: 6 });
});

test("answers are counted by level and by whether they were in time, runs by size", async () => {
  const clock = createManualClock();
  const queue = { ...PLAIN_QUEUE, levels: 100, defaultLevel: 2 };
  const latency = new LatencyModel();
  for (const rows of [1, 4]) latency.record(rows, 20);
  const { engine, runs } = setUp({ queue, latency, admission: "off" }, clock);
  const submit = (value: number, priority: number, deadlineMs: number) =>
    send(engine, [value], { priority, deadline: clock.now() + deadlineMs });
  void submit(0, 1, 100);
  clock.advance(3);
  // Three rows that wait share the next run; one of them is late when it comes back.
  for (const [priority, deadlineMs] of [
    [0, 100],
    [99, 100],
    [1, 30],
  ] as const) {
    submit(priority, priority, deadlineMs).result.catch(() => {});
  }
  clock.advance(4);
  runs[0]!.finish(7);
  await settle();
  clock.stall(30);
  runs[1]!.finish(24);
  await settle();
  const { levels, runs: sizes, wastedRunMs } = engine.statistics().scheduling!;
  expect(levels.map(({ level, onTimeCount, lateCount, queueMs }) => [level, onTimeCount, lateCount, queueMs.sum])).toEqual([
    [1, 1, 1, 4],
    [2, 1, 0, 4],
    [64, 1, 0, 4],
  ]);
  expect(sizes.map(({ maxRows, runMs }) => [maxRows, runMs.count, runMs.sum])).toEqual([
    [1, 1, 7],
    [4, 1, 24],
  ]);
  expect(wastedRunMs).toBe(8);
});

test("the scheduler tells how busy lanes and devices are", async () => {
  const clock = createManualClock();
  const scheduler = createScheduler(clock);
  const runs: FakeRun[] = [];
  const device = { name: "cpu", tokens: 4, outlivesHungRuns: true };
  const engine = scheduler.createEngine(queueOptions([{ ...createFakeInstance(createLane(), runs), device, tokens: 3 }]));
  expect(scheduler.statistics()).toMatchObject({ overheadMs: 0, lanes: [{ busyMs: 0, inFlight: 0 }] });
  void send(engine, [0]);
  clock.advance(5);
  expect(scheduler.statistics()).toMatchObject({
    lanes: [{ inFlight: 1 }],
    devices: [{ name: "cpu", tokens: 4, tokensInFlight: 3 }],
  });
  runs[0]!.finish(5);
  await settle();
  expect(scheduler.statistics()).toMatchObject({
    lanes: [{ busyMs: 5, inFlight: 0 }],
    devices: [{ tokensInFlight: 0 }],
  });
});
