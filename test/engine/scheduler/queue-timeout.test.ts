import { afterEach, describe, expect, test } from "@jest/globals";
import type { QueuePolicies, QueuePolicy } from "../../../src/engine/queue-policy.ts";
import { PLAIN_QUEUE } from "../../../src/engine/queue-policy.ts";
import { RunFailure } from "../../../src/engine/scheduler/executor.ts";
import { latestStart, timeoutInForceMs } from "../../../src/engine/scheduler/queue-timeout.ts";
import { ServiceError } from "../../../src/errors.ts";
import { endCalls, finishAll, rowsOf, send, setUp, settle } from "./fake-instance.ts";
import { createManualClock } from "./manual-clock.ts";

afterEach(endCalls);

const PLAIN = PLAIN_QUEUE.defaultPolicy;

function withPolicy(policy: Partial<QueuePolicy>): QueuePolicies {
  return { ...PLAIN_QUEUE, defaultPolicy: { ...PLAIN, ...policy } };
}

const TIMED_OUT = { reason: "QUEUE_TIMEOUT", code: "DEADLINE_EXCEEDED", metadata: { stage: "queue" } };

describe("the timeout in force", () => {
  test.each([
    // level's, override allowed, request's → in force
    [0, true, 0, 0],
    [0, true, 30, 30],
    [0, false, 30, 0],
    [20, true, 0, 20],
    [20, true, 5, 5],
    [20, true, 30, 20],
    [20, false, 5, 20],
  ])("level %i, override %p, request %i: %i ms", (timeoutMs, allowOverride, requestedMs, expected) => {
    expect(timeoutInForceMs({ ...PLAIN, timeoutMs, allowOverride }, requestedMs)).toBe(expected);
  });

  test("says when the run must begin, unless the caller is gone by then or no timer reaches so far", () => {
    expect(latestStart(PLAIN, 0, 1000, Infinity)).toBe(Infinity);
    expect(latestStart(PLAIN, 0.5, 1000, Infinity)).toBe(1000.5);
    expect(latestStart(PLAIN, 30, 1000, 1031)).toBe(1030);
    expect(latestStart(PLAIN, 30, 1000, 1030)).toBe(Infinity);
    expect(latestStart(PLAIN, 2 ** 31, 1000, Infinity)).toBe(Infinity);
    expect(latestStart(PLAIN, Infinity, 1000, Infinity)).toBe(Infinity);
  });
});

describe("a queue timeout", () => {
  test("is answered at that moment, while the batch before it still runs", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({}, clock);
    void send(engine, [0]);
    const timed = send(engine, [1], { queueTimeoutMs: 5 });
    clock.advance(4);
    expect(engine.statistics().queuedRows).toBe(1);
    clock.advance(1);
    await expect(timed.result).rejects.toMatchObject({ ...TIMED_OUT, metadata: { stage: "queue", queueTimeoutMs: "5" } });
    expect(engine.statistics().queuedRows).toBe(0);
    expect(await finishAll(runs)).toEqual([[0]]);
  });

  test("of the level holds for requests that bring none, and a request may only shorten it", async () => {
    const clock = createManualClock();
    const { engine } = setUp({ queue: withPolicy({ timeoutMs: 20 }) }, clock);
    void send(engine, [0]);
    const plain = send(engine, [1]);
    const shorter = send(engine, [2], { queueTimeoutMs: 5 });
    const longer = send(engine, [3], { queueTimeoutMs: 50 });
    clock.advance(5);
    await expect(shorter.result).rejects.toMatchObject(TIMED_OUT);
    expect(engine.statistics().queuedRows).toBe(2);
    clock.advance(15);
    await expect(plain.result).rejects.toMatchObject(TIMED_OUT);
    await expect(longer.result).rejects.toMatchObject(TIMED_OUT);
  });

  test("of the request is ignored where the level does not allow it", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ queue: withPolicy({ allowOverride: false }) }, clock);
    void send(engine, [0]);
    const { result } = send(engine, [1], { queueTimeoutMs: 5 });
    expect(clock.timerCount).toBe(0);
    clock.advance(50);
    await finishAll(runs);
    expect(rowsOf(await result)).toEqual([2]);
  });

  test("is each level's own", async () => {
    const clock = createManualClock();
    const policies = new Map([[1, { ...PLAIN, timeoutMs: 5 }]]);
    const { engine, runs } = setUp({ queue: { levels: 2, defaultLevel: 2, defaultPolicy: { ...PLAIN, timeoutMs: 50 }, policies } }, clock);
    void send(engine, [0]);
    const first = send(engine, [1], { priority: 1 });
    const second = send(engine, [2]);
    clock.advance(5);
    await expect(first.result).rejects.toMatchObject(TIMED_OUT);
    expect(await finishAll(runs)).toEqual([[0], [2]]);
    await second.result;
  });

  test("does not touch a request that has started", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({}, clock);
    const { result } = send(engine, [1], { queueTimeoutMs: 5 });
    const next = send(engine, [2], { queueTimeoutMs: 5 });
    clock.advance(4);
    runs[0]!.finish();
    await settle();
    expect(clock.timerCount).toBe(0);
    clock.advance(50);
    await finishAll(runs, 1);
    expect(rowsOf(await result)).toEqual([2]);
    expect(rowsOf(await next.result)).toEqual([3]);
  });

  test("costs no timer when there is none or the run starts at once, and one timer for all that wait", () => {
    const clock = createManualClock();
    const { engine } = setUp({}, clock);
    void send(engine, [0], { queueTimeoutMs: 5 });
    void send(engine, [1]);
    expect(clock.timerCount).toBe(0);
    void send(engine, [2], { queueTimeoutMs: 50_000, deadline: clock.now() + 50_000 });
    expect(clock.timerCount).toBe(1);
    void send(engine, [3, 4, 5, 6, 7, 8], { queueTimeoutMs: 5 });
    expect(clock.timerCount).toBe(1);
  });

  test("is seen at dispatch when the timer is late, and the rest of the batch runs", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({}, clock);
    void send(engine, [0]);
    const timed = send(engine, [1], { queueTimeoutMs: 5 });
    const kept = send(engine, [2], { queueTimeoutMs: 6 });
    clock.stall(5);
    runs[0]!.finish();
    await settle();
    await expect(timed.result).rejects.toMatchObject(TIMED_OUT);
    expect(clock.timerCount).toBe(0);
    expect(await finishAll(runs, 1)).toEqual([[0], [2]]);
    await kept.result;
  });

  test("waits for its moment when the timer is early", async () => {
    const clock = createManualClock(2);
    const { engine } = setUp({}, clock);
    void send(engine, [0]);
    const { result } = send(engine, [1], { queueTimeoutMs: 5 });
    clock.advance(3);
    expect(engine.statistics().queuedRows).toBe(1);
    clock.advance(2);
    await expect(result).rejects.toMatchObject(TIMED_OUT);
  });

  test("takes every part of a split request out of the queue", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ maxBatchSize: 2 }, clock);
    void send(engine, [0]);
    const split = send(engine, [1, 2, 3, 4, 5], { queueTimeoutMs: 5 });
    expect(engine.statistics().queuedRows).toBe(5);
    clock.advance(5);
    await expect(split.result).rejects.toMatchObject(TIMED_OUT);
    expect(engine.statistics().queuedRows).toBe(0);
    expect(await finishAll(runs)).toEqual([[0]]);
  });

  test("is met by a split request when its first part starts", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ maxBatchSize: 2 }, clock);
    const split = send(engine, [1, 2, 3, 4, 5], { queueTimeoutMs: 5 });
    clock.advance(50);
    expect(await finishAll(runs)).toEqual([[1, 2], [3, 4], [5]]);
    expect(rowsOf(await split.result)).toEqual([2, 3, 4, 5, 6]);
  });

  test("is met by a request that started and runs again because its batch failed; the deadline still holds", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({}, clock);
    void send(engine, [0]);
    const requests = [1, 2, 3].map((value) => send(engine, [value], { queueTimeoutMs: 5, deadline: clock.now() + 100_000 }));
    runs[0]!.finish();
    await settle();
    clock.advance(10);
    runs[1]!.fail(new RunFailure("Non-zero status code", true));
    await settle();
    // Two halves: the first runs, the second waits longer than its timeout was.
    expect(runs[2]!.values).toEqual([1, 2]);
    clock.advance(10);
    runs[2]!.finish();
    await settle();
    expect(runs[3]!.values).toEqual([3]);
    runs[3]!.finish();
    expect((await Promise.all(requests.map(({ result }) => result))).map(rowsOf)).toEqual([[2], [3], [4]]);
  });

  test("that passes while neighbours run again after a failure is answered", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ maxBatchSize: 2 }, clock);
    const batch = [send(engine, [0]), send(engine, [1]), send(engine, [2])];
    runs[0]!.finish();
    await settle();
    const timed = send(engine, [3], { queueTimeoutMs: 5 });
    runs[1]!.fail(new RunFailure("Non-zero status code", true));
    await settle();
    clock.advance(5);
    await expect(timed.result).rejects.toMatchObject(TIMED_OUT);
    expect(await finishAll(runs, 2)).toEqual([[0], [1, 2], [1], [2]]);
    await Promise.all(batch.map(({ result }) => result));
  });

  test("cancel before it: cancelled, and the timer is gone; cancel after it: timed out", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({}, clock);
    void send(engine, [0]);
    const cancelled = send(engine, [1], { queueTimeoutMs: 5 });
    const timed = send(engine, [2], { queueTimeoutMs: 5 });
    cancelled.call.cancel();
    expect(clock.timerCount).toBe(1);
    clock.advance(5);
    timed.call.cancel();
    await expect(cancelled.result).rejects.toMatchObject({ reason: "CANCELLED" });
    await expect(timed.result).rejects.toMatchObject(TIMED_OUT);
    expect(await finishAll(runs)).toEqual([[0]]);
  });

  test("never starts for a request that is refused or has been cancelled already", async () => {
    const clock = createManualClock();
    const { engine } = setUp({ queue: withPolicy({ maxQueueRequests: 1 }) }, clock);
    void send(engine, [0]);
    void send(engine, [1]);
    const refused = send(engine, [2], { queueTimeoutMs: 5 });
    expect(clock.timerCount).toBe(0);
    clock.advance(5);
    await expect(refused.result).rejects.toMatchObject({ reason: "QUEUE_FULL" });
  });

  test("lets a queue close that has nothing else", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({}, clock);
    void send(engine, [0]);
    const timed = send(engine, [1], { queueTimeoutMs: 5 });
    const closed = engine.close();
    runs[0]!.fail(new ServiceError("WORKER_LOST", "gone"));
    clock.advance(5);
    await expect(timed.result).rejects.toMatchObject(TIMED_OUT);
    await settle();
    await finishAll(runs, 1);
    await closed;
    expect(clock.timerCount).toBe(0);
  });
});

describe("waiting for a fuller batch", () => {
  test("ends before a request of the batch times out", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ maxQueueDelayMs: 100 }, clock);
    const plain = send(engine, [1]);
    clock.advance(10);
    const timed = send(engine, [2], { queueTimeoutMs: 20 });
    clock.advance(17);
    expect(runs).toHaveLength(0);
    clock.advance(1);
    expect(runs.map(({ values }) => values)).toEqual([[1, 2]]);
    runs[0]!.finish();
    expect((await Promise.all([plain.result, timed.result])).map(rowsOf)).toEqual([[2], [3]]);
    expect(clock.timerCount).toBe(0);
  });

  test("a timeout shorter than a timer's precision means not to wait", () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ maxQueueDelayMs: 100 }, clock);
    void send(engine, [1], { queueTimeoutMs: 0.5 });
    expect(runs).toHaveLength(1);
  });

  test("a request that times out behind a busy lane leaves the others to wait on", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ maxQueueDelayMs: 100 }, clock);
    for (const value of [1, 2, 3, 4]) void send(engine, [value]);
    expect(runs).toHaveLength(1);
    const timed = send(engine, [5], { queueTimeoutMs: 20 });
    const kept = send(engine, [6]);
    clock.advance(20);
    await expect(timed.result).rejects.toMatchObject(TIMED_OUT);
    clock.advance(80);
    runs[0]!.finish();
    await settle();
    expect(runs[1]!.values).toEqual([6]);
    runs[1]!.finish();
    await kept.result;
  });
});

describe("a timeout that delays", () => {
  const delaying: QueuePolicies = {
    levels: 2,
    defaultLevel: 2,
    defaultPolicy: { ...PLAIN, onTimeout: "delay" },
    policies: new Map(),
  };

  test("moves the request behind all others of its level, not behind a lower level", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ maxBatchSize: 1, queue: delaying }, clock);
    void send(engine, [0]);
    const delayed = send(engine, [1], { priority: 1, queueTimeoutMs: 5, deadline: clock.now() + 100_000 });
    void send(engine, [2], { priority: 1 });
    void send(engine, [3], { priority: 2, deadline: clock.now() + 50_000 });
    clock.advance(5);
    expect(engine.statistics().queuedRows).toBe(3);
    // Who comes later goes before it too.
    void send(engine, [4], { priority: 1 });
    expect((await finishAll(runs)).flat()).toEqual([0, 2, 4, 1, 3]);
    expect(rowsOf(await delayed.result)).toEqual([2]);
  });

  test("orders the delayed among themselves by deadline, then arrival", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ maxBatchSize: 1, queue: delaying }, clock);
    void send(engine, [0]);
    void send(engine, [1], { queueTimeoutMs: 5 });
    void send(engine, [2], { queueTimeoutMs: 7 });
    void send(engine, [3], { queueTimeoutMs: 9, deadline: clock.now() + 100_000 });
    void send(engine, [4]);
    clock.advance(9);
    expect((await finishAll(runs)).flat()).toEqual([0, 4, 3, 1, 2]);
  });

  test("lets the delayed ride in a batch with room", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ queue: delaying }, clock);
    void send(engine, [0]);
    void send(engine, [1], { queueTimeoutMs: 5 });
    void send(engine, [2]);
    clock.advance(5);
    expect(await finishAll(runs)).toEqual([[0], [2, 1]]);
  });

  test("keeps all parts of a split request together behind the others", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ maxBatchSize: 2, queue: delaying }, clock);
    void send(engine, [0]);
    const split = send(engine, [1, 2, 3, 4, 5], { queueTimeoutMs: 5 });
    void send(engine, [6, 7]);
    clock.advance(5);
    expect(await finishAll(runs)).toEqual([[0], [6, 7], [1, 2], [3, 4], [5]]);
    expect(rowsOf(await split.result)).toEqual([2, 3, 4, 5, 6]);
  });

  test("is seen at dispatch when the timer is late: the request does not ride, it moves", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ maxBatchSize: 1, queue: delaying }, clock);
    void send(engine, [0]);
    void send(engine, [1], { queueTimeoutMs: 5 });
    void send(engine, [2]);
    clock.stall(5);
    expect((await finishAll(runs)).flat()).toEqual([0, 2, 1]);
    expect(clock.timerCount).toBe(0);
  });

  test("ends at the caller's deadline and by cancel like any other wait", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ queue: delaying }, clock);
    void send(engine, [0]);
    const late = send(engine, [1], { queueTimeoutMs: 5, deadline: clock.now() + 50_000 });
    const cancelled = send(engine, [2], { queueTimeoutMs: 5 });
    clock.advance(5);
    cancelled.call.cancel();
    await expect(cancelled.result).rejects.toMatchObject({ reason: "CANCELLED" });
    clock.stall(50_000);
    await finishAll(runs);
    await expect(late.result).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED", metadata: { stage: "queue" } });
    expect(runs).toHaveLength(1);
  });

  test("counts the delayed among those that wait, and a closing queue still runs them", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp(
      { queue: { ...PLAIN_QUEUE, defaultPolicy: { ...PLAIN, onTimeout: "delay", maxQueueRequests: 1 } } },
      clock,
    );
    void send(engine, [0]);
    const delayed = send(engine, [1], { queueTimeoutMs: 5 });
    clock.advance(5);
    await expect(send(engine, [2]).result).rejects.toMatchObject({ reason: "QUEUE_FULL" });
    const closed = engine.close();
    await finishAll(runs);
    await closed;
    expect(rowsOf(await delayed.result)).toEqual([2]);
  });
});
