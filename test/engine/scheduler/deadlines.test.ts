import { afterEach, describe, expect, test } from "@jest/globals";
import { LatencyModel } from "../../../src/engine/scheduler/latency-model.ts";
import type { QueueOptions } from "../../../src/engine/scheduler/queue-options.ts";
import type { FakeRun, Submitted, Wishes } from "./fake-instance.ts";
import { endCalls, finishAll, rowsOf, send, setUp, settle } from "./fake-instance.ts";
import type { ManualClock } from "./manual-clock.ts";
import { createManualClock } from "./manual-clock.ts";

afterEach(endCalls);

/** Run times by rows, without noise; the safe prediction is 5 % above. */
function latencyOf(times: Readonly<Record<number, number>>, clock: ManualClock): LatencyModel {
  const latency = new LatencyModel();
  for (const [rows, ms] of Object.entries(times)) {
    for (let i = 0; i < 20; i++) latency.record(Number(rows), ms, clock.now());
  }
  latency.rows();
  return latency;
}

interface Server {
  readonly clock: ManualClock;
  readonly runs: readonly FakeRun[];
  readonly latency: LatencyModel;
  readonly scheduling: () => NonNullable<ReturnType<ReturnType<typeof setUp>["engine"]["statistics"]>["scheduling"]>;
  readonly queuedRows: () => number;
  /** Submits with a deadline that lies this many milliseconds ahead. */
  readonly submit: (values: readonly number[], deadlineMs: number, wishes?: Wishes) => Submitted;
}

/** A run takes 10 ms for one row and 16 for four, by the predictions. */
function serve(options: Partial<QueueOptions> = {}, lanes = 1, times: Readonly<Record<number, number>> = { 1: 10, 4: 16 }): Server {
  const clock = createManualClock();
  const latency = latencyOf(times, clock);
  const { engine, runs } = setUp({ latency, ...options }, clock, lanes);
  return {
    clock,
    runs,
    latency,
    scheduling: () => engine.statistics().scheduling!,
    queuedRows: () => engine.statistics().queuedRows,
    submit: (values, deadlineMs, wishes = {}) => send(engine, values, { deadline: clock.now() + deadlineMs, ...wishes }),
  };
}

const HOPELESS = { reason: "DEADLINE_EXCEEDED", code: "DEADLINE_EXCEEDED", metadata: { stage: "admit", predicted: "true" } };
const TOO_BUSY = { reason: "DEADLINE_UNREACHABLE", code: "RESOURCE_EXHAUSTED", metadata: { stage: "admit" } };
const DROPPED = { reason: "DEADLINE_EXCEEDED", metadata: { stage: "queue", predicted: "true" } };

describe("on arrival", () => {
  test("a request that an idle server could not answer in time is refused at once and for good", async () => {
    const { submit, runs, scheduling } = serve();
    await expect(submit([1], 10).result).rejects.toMatchObject(HOPELESS);
    await expect(submit([1], 10).result).rejects.toHaveProperty("retryAfterMs", undefined);
    expect(runs).toHaveLength(0);
    expect(scheduling().shed.hopeless).toBe(2);
    void submit([1], 11);
    expect(runs).toHaveLength(1);
  });

  test("one that a less busy server could answer in time is told when to come again", async () => {
    const { submit, scheduling } = serve();
    void submit([0], 100);
    // Starts in 10 ms, 1.05 x 10 ms after that it is done.
    await expect(submit([1], 20).result).rejects.toMatchObject({ ...TOO_BUSY, retryAfterMs: 10 });
    expect(scheduling().shed.tooBusy).toBe(1);
    void submit([2], 21);
    // It rides with the row before: 12 ms x 1.05.
    await expect(submit([3], 22).result).rejects.toMatchObject(TOO_BUSY);
    void submit([4], 23);
  });

  test("what waits with later deadlines does not count", async () => {
    const { submit, queuedRows } = serve();
    void submit([0], 1000);
    for (const value of [1, 2, 3, 4, 5, 6, 7, 8]) void submit([value], 1000);
    const urgent = submit([9], 21);
    const later = submit([10], 40);
    expect(queuedRows()).toBe(10);
    await expect(submit([11, 12, 13, 14], 42).result).rejects.toMatchObject(TOO_BUSY);
    urgent.call.cancel();
    later.call.cancel();
    // What left counts no longer.
    void submit([11, 12, 13, 14], 42);
    expect(queuedRows()).toBe(12);
  });

  test("a caller without haste, or without a deadline, is not refused", () => {
    const { submit, queuedRows } = serve({ maxQueueRows: 10_000 });
    void submit([0], Infinity);
    for (let i = 0; i < 1000; i++) void submit([i], i % 2 === 0 ? 60_000 : Infinity);
    expect(queuedRows()).toBe(1000);
  });

  test("arrivals until the start count for `strict`, not for `lenient`", async () => {
    for (const admission of ["strict", "lenient"] as const) {
      const { clock, submit } = serve({ admission });
      void submit([-1], 1e6);
      for (let i = 0; i < 200; i++) {
        clock.advance(0.1);
        submit([i], Infinity).call.cancel();
      }
      clock.stall(-20);
      // Ten rows a millisecond: the batch fills up before it starts and takes 16.8 ms instead of 10.5.
      const { result } = submit([1], 23);
      await Promise.resolve();
      if (admission === "strict") await expect(result).rejects.toMatchObject(TOO_BUSY);
      else expect(await Promise.race([result.catch(() => "refused"), settle().then(() => "waits")])).toBe("waits");
      endCalls();
    }
  });

  test("a request of several batches is let in or refused as a whole", async () => {
    const { submit, queuedRows } = serve();
    const rows = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    // Two runs of four rows at their mean, then one row: 32 + 10.5.
    await expect(submit(rows, 42).result).rejects.toMatchObject(HOPELESS);
    expect(queuedRows()).toBe(0);
    void submit(rows, 43);
    expect(queuedRows()).toBe(5);
    await expect(submit(rows, 70).result).rejects.toMatchObject(TOO_BUSY);
    expect(queuedRows()).toBe(5);
  });

  test("predictions are put to the test: an idle server lets one in when nothing has run for a while", async () => {
    const { clock, submit, runs, scheduling } = serve({}, 1, { 1: 100, 4: 100 });
    await expect(submit([1], 50).result).rejects.toMatchObject(HOPELESS);
    // A hundred times the prediction.
    clock.advance(10_501);
    const explorer = submit([2], 50);
    expect(runs).toHaveLength(1);
    await expect(submit([3], 50).result).rejects.toMatchObject(HOPELESS);
    expect(scheduling()).toMatchObject({ explored: 1, shed: { hopeless: 2 } });
    for (let i = 0; i < 40; i++) {
      runs[i]!.finish(5);
      await settle();
      clock.advance(10_501);
      void submit([4], 50);
    }
    expect(rowsOf(await explorer.result)).toEqual([3]);
    // By now the prediction is what the runs say: two at once are no adventure.
    void submit([5], 50);
    expect(scheduling().explored).toBeLessThan(40);
  });
});

describe("when a batch is formed", () => {
  test("who cannot be done in time any more is dropped, and the others run", async () => {
    const { clock, submit, runs, scheduling } = serve();
    void submit([0], 1000);
    const tight = submit([1], 30);
    const patient = submit([2], 1000);
    // The run takes longer than it should, and so does the event loop: the timer has not fired.
    clock.stall(25);
    runs[0]!.finish();
    await expect(tight.result).rejects.toMatchObject(DROPPED);
    expect(await finishAll(runs)).toEqual([[0], [2]]);
    await patient.result;
    expect(scheduling().shed.droppedAtDispatch).toBe(1);
  });

  test("a batch is cut for its most urgent request if that costs little, else the request is dropped", async () => {
    // Four rows in 16.8 ms at most; 3 in 14.7: 86 % of the rows per millisecond.
    for (const [efficiencyFloor, expected] of [
      [0.97, [[0], [2, 3, 4, 5]]],
      [0.8, [[0], [1, 2, 3], [4, 5]]],
    ] as const) {
      const { clock, submit, runs } = serve({ rules: { efficiencyFloor } });
      void submit([0], 1000);
      const tight = submit([1], 30);
      tight.result.catch(() => {});
      for (const value of [2, 3, 4, 5]) void submit([value], 1000);
      clock.stall(15);
      expect(await finishAll(runs)).toEqual(expected);
    }
  });

  test("a size that looks too slow, so that it is never run, is tried once in a while", async () => {
    const rules = { efficiencyFloor: 0 };
    const { submit, runs } = serve({ rules, admission: "off" }, 1, { 1: 10, 2: 10, 4: 500 });
    void submit([0], 1000);
    const sizes: number[] = [];
    for (let i = 0; i < 50; i++) {
      for (let value = 0; value < 4; value++) submit([value], 50).result.catch(() => {});
      for (let done = runs.length - 1; done < runs.length; done++) {
        runs[done]!.finish(10);
        await settle();
      }
      sizes.push(...runs.slice(sizes.length).map(({ values }) => values.length));
      void submit([0], 1000);
    }
    expect(sizes.indexOf(4)).toBeGreaterThan(32);
    expect(sizes.filter((size) => size === 4).length).toBeGreaterThan(1);
  });

  test("a request of another level joins only when it meets its own deadline", async () => {
    const queue = {
      levels: 2,
      defaultLevel: 2,
      defaultPolicy: { timeoutMs: 0, onTimeout: "reject" as const, allowOverride: true, maxQueueRequests: 0 },
      policies: new Map(),
    };
    for (const [checksRiders, expected] of [
      [true, [[0], [1, 2, 3], [4]]],
      [false, [[0], [1, 2, 3, 4]]],
    ] as const) {
      const { clock, submit, runs } = serve({ queue, rules: { checksRiders } });
      void submit([0], 1000);
      const low = submit([4], 27, { priority: 2 });
      low.result.catch(() => {});
      for (const value of [1, 2, 3]) void submit([value], 1000, { priority: 1 });
      clock.stall(12);
      runs[0]!.finish();
      await settle();
      expect(runs[1]!.values).toEqual(expected[1]);
    }
  });

  test("each lower level leads one batch in eight while it has work", async () => {
    const queue = {
      levels: 3,
      defaultLevel: 2,
      defaultPolicy: { timeoutMs: 0, onTimeout: "reject" as const, allowOverride: true, maxQueueRequests: 0 },
      policies: new Map(),
    };
    const { submit, runs } = serve({ queue, maxBatchSize: 1 });
    void submit([0], 1e6, { priority: 1 });
    for (let i = 0; i < 20; i++) void submit([100 + i], 1e6, { priority: 1 });
    for (let i = 0; i < 3; i++) void submit([200 + i], 1e6, { priority: 2 });
    void submit([300], 1e6, { priority: 3 });
    const order = (await finishAll(runs)).flat().map((value) => Math.floor(value / 100));
    expect(order).toEqual([0, 1, 1, 1, 1, 1, 1, 1, 2, 3, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 2]);
  });
});

describe("while a request waits", () => {
  test("it is answered when its last possible start has passed, although the run before it goes on", async () => {
    const { clock, submit, runs, queuedRows, scheduling } = serve();
    void submit([0], 1000);
    const tight = submit([1], 30);
    const other = submit([2], 50);
    expect(clock.timerCount).toBe(1);
    clock.advance(19);
    expect(queuedRows()).toBe(2);
    // 30 ms less 10.5.
    clock.advance(1);
    await expect(tight.result).rejects.toMatchObject(DROPPED);
    expect(queuedRows()).toBe(1);
    expect(clock.timerCount).toBe(1);
    clock.advance(20);
    await expect(other.result).rejects.toMatchObject(DROPPED);
    expect(clock.timerCount).toBe(0);
    expect(runs).toHaveLength(1);
    expect(scheduling().shed.expired).toBe(2);
  });

  test("no timer is left when everybody has been served", async () => {
    const { clock, submit, runs } = serve();
    for (const value of [0, 1, 2]) void submit([value], 1000);
    expect(clock.timerCount).toBe(1);
    await finishAll(runs);
    expect(clock.timerCount).toBe(0);
  });
});

test("decisions are counted", async () => {
  const { submit, runs, clock, scheduling } = serve();
  void submit([0], 1000);
  for (const value of [1, 2, 3, 4, 5]) void submit([value], 1000);
  clock.advance(9);
  await finishAll(runs);
  const { dispatches, predictRatio, isDegraded } = scheduling();
  expect({ dispatches, isDegraded }).toEqual({ dispatches: { full: 1, idle: 2, gate: 0, slack: 0 }, isDegraded: false });
  expect(predictRatio.count).toBe(3);
});
