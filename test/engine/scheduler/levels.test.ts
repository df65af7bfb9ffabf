import { afterEach, describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import type { QueuePolicies, QueuePolicy } from "../../../src/engine/queue-policy.ts";
import { PLAIN_QUEUE } from "../../../src/engine/queue-policy.ts";
import { LatencyModel } from "../../../src/engine/scheduler/latency-model.ts";
import { createLevels } from "../../../src/engine/scheduler/levels.ts";
import { createScheduler } from "../../../src/engine/scheduler/scheduler.ts";
import type { FakeRun } from "./fake-instance.ts";
import { createFakeInstance, createLane, endCalls, finishAll, queueOptions, rowsOf, send, setUp, settle } from "./fake-instance.ts";
import { createManualClock } from "./manual-clock.ts";

afterEach(endCalls);

const PLAIN = PLAIN_QUEUE.defaultPolicy;

function withLevels(policies: readonly (readonly [number, Partial<QueuePolicy>])[] = []): QueuePolicies {
  return {
    levels: 3,
    defaultLevel: 2,
    defaultPolicy: PLAIN,
    policies: new Map(policies.map(([level, policy]) => [level, { ...PLAIN, ...policy }])),
  };
}

/** By the rules of `withLevels`. */
function levelNumber(priority: number): number {
  return priority >= 1 && priority <= 3 ? priority : 2;
}

describe("the level of a request", () => {
  const first = { ...PLAIN, timeoutMs: 7 };

  test.each([
    // levels, default, priority → level
    [0, 0, 0, 0],
    [0, 0, 5, 0],
    [3, 2, 0, 2],
    [3, 2, 1, 1],
    [3, 2, 3, 3],
    [3, 2, 4, 2],
    [3, 2, 2 ** 53, 2],
  ])("with %i levels and default %i, priority %i is level %i", (levels, defaultLevel, priority, number) => {
    const levelOf = createLevels({ levels, defaultLevel, defaultPolicy: PLAIN, policies: new Map([[1, first]]) });
    expect(levelOf(priority)).toMatchObject({ number, policy: number === 1 ? first : PLAIN });
    expect(levelOf(priority)).toBe(levelOf(number));
  });
});

describe("priority", () => {
  test("a higher level goes first, whatever the deadline; within a level the deadline decides, then arrival", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ maxBatchSize: 1, queue: withLevels() }, clock);
    const soon = clock.now() + 100_000;
    void send(engine, [0]);
    void send(engine, [1], { priority: 3, deadline: soon });
    void send(engine, [2], { priority: 0 });
    void send(engine, [3], { priority: 1 });
    void send(engine, [4], { priority: 2, deadline: soon });
    void send(engine, [5], { priority: 99, deadline: soon });
    void send(engine, [6], { priority: 1, deadline: soon });
    expect((await finishAll(runs)).flat()).toEqual([0, 6, 3, 4, 5, 2, 1]);
  });

  test("means nothing to a model without levels", async () => {
    const { engine, runs } = setUp({ maxBatchSize: 1 });
    for (const [value, priority] of [
      [0, 0],
      [1, 3],
      [2, 1],
    ] as const) {
      void send(engine, [value], { priority });
    }
    expect((await finishAll(runs)).flat()).toEqual([0, 1, 2]);
  });

  test("lower levels ride in the same batch when there is room, and wait when it is full", async () => {
    const { engine, runs } = setUp({ maxBatchSize: 4, queue: withLevels() });
    void send(engine, [0]);
    void send(engine, [1, 2], { priority: 3 });
    void send(engine, [3], { priority: 2 });
    void send(engine, [4, 5], { priority: 1 });
    // The two rows of level 3 do not fit behind levels 1 and 2; the single row that came last does.
    void send(engine, [6], { priority: 3 });
    expect(await finishAll(runs)).toEqual([[0], [4, 5, 3, 6], [1, 2]]);
  });

  test("full batches of a high level leave nothing to a lower one", async () => {
    const { engine, runs } = setUp({ maxBatchSize: 2, queue: withLevels() });
    void send(engine, [0]);
    void send(engine, [9], { priority: 3 });
    for (const value of [1, 2, 3, 4]) void send(engine, [value], { priority: 1 });
    expect(await finishAll(runs)).toEqual([[0], [1, 2], [3, 4], [9]]);
  });

  test("decides between shapes too", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ queue: withLevels() }, clock);
    void send(engine, [0]);
    void send(engine, [1], { priority: 2, shapeKey: "8", deadline: clock.now() + 100_000 });
    void send(engine, [2], { priority: 1, shapeKey: "16" });
    expect((await finishAll(runs)).flat()).toEqual([0, 2, 1]);
  });

  test("is kept by every part of a split request and by what runs again after a failure", async () => {
    const { engine, runs } = setUp({ maxBatchSize: 2, queue: withLevels() });
    void send(engine, [0]);
    void send(engine, [1, 2, 3, 4], { priority: 1 });
    void send(engine, [5], { priority: 2 });
    expect(await finishAll(runs)).toEqual([[0], [1, 2], [3, 4], [5]]);
  });

  test("does not count between models: there the deadline decides, then the longer wait", async () => {
    const clock = createManualClock();
    const lane = createLane();
    const runs: FakeRun[] = [];
    const scheduler = createScheduler(clock);
    const plain = scheduler.createEngine(queueOptions([createFakeInstance(lane, runs)], { maxBatchSize: 1 }));
    const levelled = scheduler.createEngine(queueOptions([createFakeInstance(lane, runs)], { maxBatchSize: 1, queue: withLevels() }));
    void send(plain, [0]);
    void send(plain, [1]);
    void send(plain, [2], { deadline: clock.now() + 200_000 });
    clock.advance(1);
    void send(levelled, [3], { priority: 1 });
    void send(levelled, [4], { priority: 3, deadline: clock.now() + 100_000 });
    // 2 has a deadline, 3 has none; then 1 has waited longer than 3; 4 stands behind 3 whatever its deadline.
    expect((await finishAll(runs)).flat()).toEqual([0, 2, 1, 3, 4]);
  });

  test("a request of a low level that is about to miss its deadline opens the gate for its batch", () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ maxQueueDelayMs: 1000, queue: withLevels() }, clock);
    // A full batch takes 80 ms by the latency table.
    void send(engine, [1], { priority: 1 });
    void send(engine, [2], { priority: 3, deadline: clock.now() + 200 });
    clock.advance(38);
    expect(runs).toHaveLength(0);
    clock.advance(1);
    expect(runs.map(({ values }) => values)).toEqual([[1, 2]]);
  });

  test("property: one at a time, requests leave by level, deadline and arrival", async () => {
    const request = fc.record({ priority: fc.integer({ min: 0, max: 5 }), deadline: fc.constantFrom(100_000, 200_000, Infinity) });
    await fc.assert(
      // Few enough that no level is passed over so often that it has its turn.
      fc.asyncProperty(fc.array(request, { maxLength: 8 }), async (requests) => {
        const clock = createManualClock();
        const { engine, runs } = setUp({ maxBatchSize: 1, queue: withLevels() }, clock);
        void send(engine, [-1]);
        for (const [i, { priority, deadline }] of requests.entries()) {
          void send(engine, [i], { priority, deadline: clock.now() + deadline });
        }
        const expected = [...requests.keys()].toSorted((a, b) => {
          const [x, y] = [requests[a]!, requests[b]!];
          if (levelNumber(x.priority) !== levelNumber(y.priority)) return levelNumber(x.priority) - levelNumber(y.priority);
          return x.deadline === y.deadline ? a - b : x.deadline - y.deadline;
        });
        expect((await finishAll(runs)).flat()).toEqual([-1, ...expected]);
        endCalls();
      }),
      { numRuns: 50 },
    );
  });
});

describe("requests that may wait on a level", () => {
  test("are limited for each level by itself", async () => {
    const queue = withLevels([
      [1, { maxQueueRequests: 1 }],
      [3, { maxQueueRequests: 2 }],
    ]);
    const { engine, runs } = setUp({ queue });
    void send(engine, [0]);
    void send(engine, [1], { priority: 1 });
    const refused = send(engine, [2], { priority: 1 });
    await expect(refused.result).rejects.toMatchObject({
      reason: "QUEUE_FULL",
      code: "RESOURCE_EXHAUSTED",
      retryAfterMs: 80,
      metadata: { stage: "admit", maxQueueRequests: "1", level: "1" },
    });
    const others = [2, 2, 2, 3, 3].map((priority, i) => send(engine, [10 + i], { priority }));
    await expect(send(engine, [2], { priority: 3 }).result).rejects.toMatchObject({ reason: "QUEUE_FULL", metadata: { level: "3" } });
    await finishAll(runs);
    expect((await Promise.all(others.map(({ result }) => result))).map(rowsOf)).toEqual([[11], [12], [13], [14], [15]]);
  });

  test("are counted as requests, not as their parts; one that runs does not count, one that leaves makes room", async () => {
    const { engine, runs } = setUp({
      maxBatchSize: 2,
      queue: { ...PLAIN_QUEUE, defaultPolicy: { ...PLAIN, maxQueueRequests: 2 } },
    });
    // The first part of each runs or waits; either way the request is one.
    const split = send(engine, [1, 2, 3, 4, 5]);
    const second = send(engine, [6]);
    await expect(send(engine, [7]).result).rejects.toMatchObject({
      reason: "QUEUE_FULL",
      message: "2 requests are waiting; 2 may (max_queue_size).",
    });
    second.call.cancel();
    const third = send(engine, [8]);
    await expect(send(engine, [9]).result).rejects.toMatchObject({ reason: "QUEUE_FULL" });
    await finishAll(runs);
    expect(rowsOf(await split.result)).toEqual([2, 3, 4, 5, 6]);
    expect(rowsOf(await third.result)).toEqual([9]);
    void send(engine, [10]);
    const waiting = ["a", "b"].map((shapeKey) => send(engine, [11], { shapeKey }));
    await expect(send(engine, [13]).result).rejects.toMatchObject({ reason: "QUEUE_FULL" });
    await finishAll(runs, 3);
    await Promise.all(waiting.map(({ result }) => result));
  });

  test("an idle server takes a request at once, however short its queue", async () => {
    const { engine, runs } = setUp({ queue: { ...PLAIN_QUEUE, defaultPolicy: { ...PLAIN, maxQueueRequests: 1 } } }, undefined, 2);
    const requests = [send(engine, [1]), send(engine, [2]), send(engine, [3])];
    await expect(send(engine, [4]).result).rejects.toMatchObject({ reason: "QUEUE_FULL" });
    await settle();
    await finishAll(runs);
    await Promise.all(requests.map(({ result }) => result));
  });
});

test("levels that callers make up do not pile up, and one that comes back counts right", async () => {
  const clock = createManualClock();
  const latency = new LatencyModel();
  for (const rows of [1, 4]) latency.record(rows, 10, 1e9);
  const { engine } = setUp({ queue: { ...PLAIN_QUEUE, levels: 1_000_000, defaultLevel: 1 }, latency, maxBatchSize: 1 }, clock);
  const ask = (priority: number, deadlineMs: number) => send(engine, [0], { priority, deadline: clock.now() + deadlineMs });
  void ask(7, 60_000);
  const before = process.memoryUsage();
  for (let priority = 1; priority <= 20_000; priority++) {
    const { call, result } = ask(priority, 60_000);
    const dropped = expect(result).rejects.toHaveProperty("reason", "CANCELLED");
    call.cancel();
    await dropped;
  }
  // An index of 16 KB for each of them would be 320 MB.
  expect(process.memoryUsage().arrayBuffers - before.arrayBuffers).toBeLessThan(64 * 1024 * 1024);
  // One run goes on and three stand before the last one on its level: it would end after 50 ms.
  for (let i = 0; i < 3; i++) void ask(7, 45);
  await expect(ask(7, 49).result).rejects.toHaveProperty("reason", "DEADLINE_UNREACHABLE");
  expect(engine.statistics().queuedRows).toBe(3);
});
