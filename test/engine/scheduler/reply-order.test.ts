import { afterEach, describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { PLAIN_QUEUE } from "../../../src/engine/queue-policy.ts";
import { RunFailure } from "../../../src/engine/scheduler/executor.ts";
import type { Submitted } from "./fake-instance.ts";
import { endCalls, finishAll, rowsOf, send, setUp, settle } from "./fake-instance.ts";
import { createManualClock } from "./manual-clock.ts";
import { knownLatency } from "./simulation/profiles.ts";

afterEach(endCalls);

const IN_ORDER = { preserveOrdering: true, maxBatchSize: 1 };

/** Notes who has been answered, in the order of the answers. */
function noteAnswers(answers: unknown[], name: unknown, { result }: Submitted): void {
  result.then(
    () => answers.push(name),
    (error: { reason: string }) => answers.push(`${String(name)} ${error.reason}`),
  );
}

describe("answers", () => {
  test("leave in the order of arrival, whoever is done first; without the setting they do not", async () => {
    for (const [preserveOrdering, expected] of [
      [true, [[], [1, 2, 3]]],
      [
        false,
        [
          [3, 2],
          [3, 2, 1],
        ],
      ],
    ] as const) {
      const { engine, runs } = setUp({ preserveOrdering, maxBatchSize: 1 }, undefined, 3);
      const answers: unknown[] = [];
      for (const value of [1, 2, 3]) noteAnswers(answers, value, send(engine, [value]));
      runs[2]!.finish();
      await settle();
      runs[1]!.finish();
      await settle();
      expect(answers).toEqual(expected[0]);
      runs[0]!.finish();
      await settle();
      expect(answers).toEqual(expected[1]);
    }
  });

  test("failures wait for their turn like any answer", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ ...IN_ORDER, latency: knownLatency({ runMs: () => 10, maxBatchSize: 1, sloMs: 100 }) }, clock, 2);
    const answers: unknown[] = [];
    noteAnswers(answers, "slow", send(engine, [1]));
    noteAnswers(answers, "failed", send(engine, [2]));
    noteAnswers(answers, "timed out", send(engine, [3], { queueTimeoutMs: 5 }));
    noteAnswers(answers, "dropped", send(engine, [4], { deadline: clock.now() + 50 }));
    noteAnswers(answers, "last", send(engine, [5]));
    clock.advance(45);
    runs[1]!.fail(new RunFailure("kernel", true));
    await settle();
    runs[2]!.finish();
    await settle();
    expect(answers).toEqual([]);
    runs[0]!.finish();
    await settle();
    expect(answers).toEqual(["slow", "failed MODEL_REJECTED_INPUT", "timed out QUEUE_TIMEOUT", "dropped DEADLINE_EXCEEDED", "last"]);
  });

  test("a call that is aborted is answered at that moment, waiting, running or held, and holds nobody up", async () => {
    const { engine, runs } = setUp(IN_ORDER, undefined, 2);
    const answers: unknown[] = [];
    const calls = [1, 2, 3, 4].map((value) => {
      const submitted = send(engine, [value]);
      noteAnswers(answers, value, submitted);
      return submitted.call;
    });
    runs[1]!.finish();
    await settle();
    expect(answers).toEqual([]);
    calls[1]!.cancel();
    calls[3]!.cancel();
    await settle();
    expect(answers).toEqual(["2 CANCELLED", "4 CANCELLED"]);
    runs[2]!.finish();
    await settle();
    calls[0]!.cancel();
    await settle();
    expect(answers).toEqual(["2 CANCELLED", "4 CANCELLED", "1 CANCELLED", 3]);
  });

  test("a request that is not let in takes no place", async () => {
    const { engine } = setUp({ ...IN_ORDER, maxQueueRows: 1 });
    const answers: unknown[] = [];
    for (const value of [1, 2, 3]) noteAnswers(answers, value, send(engine, [value]));
    await settle();
    expect(answers).toEqual(["3 QUEUE_FULL"]);
  });

  test("an engine that closes has answered everybody", async () => {
    const { engine, runs } = setUp(IN_ORDER, undefined, 2);
    const answers: unknown[] = [];
    for (const value of [1, 2, 3]) noteAnswers(answers, value, send(engine, [value]));
    const closed = engine.close().then(() => answers.push("closed"));
    runs[1]!.finish();
    await settle();
    await finishAll(runs);
    await closed;
    expect(answers).toEqual([1, 2, 3, "closed"]);
  });
});

describe("the queue", () => {
  test("goes by arrival instead of deadline", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp(IN_ORDER, clock);
    void send(engine, [0]);
    for (const [i, ahead] of [900, 500, 700].entries()) void send(engine, [i + 1], { deadline: clock.now() + ahead });
    expect(await finishAll(runs)).toEqual([[0], [1], [2], [3]]);
  });

  test("everybody who waits counts for those who come after, however late their deadline", async () => {
    const clock = createManualClock();
    const latency = knownLatency({ runMs: () => 20, maxBatchSize: 1, sloMs: 100 });
    for (const [preserveOrdering, isLetIn] of [
      [true, false],
      [false, true],
    ] as const) {
      const { engine } = setUp({ preserveOrdering, maxBatchSize: 1, latency }, clock);
      for (const value of [0, 1, 2]) void send(engine, [value], { deadline: clock.now() + 1000 });
      const { result } = send(engine, [3], { deadline: clock.now() + 50 });
      result.catch(() => {});
      await settle();
      expect(engine.statistics().queuedRows).toBe(isLetIn ? 3 : 2);
    }
  });

  test("nobody's own timeout puts him behind others, who would all have to wait for his answer", async () => {
    const clock = createManualClock();
    const defaultPolicy = { ...PLAIN_QUEUE.defaultPolicy, onTimeout: "delay" } as const;
    const { engine, runs } = setUp({ ...IN_ORDER, queue: { ...PLAIN_QUEUE, defaultPolicy } }, clock);
    void send(engine, [0]);
    void send(engine, [1], { queueTimeoutMs: 5 });
    void send(engine, [2]);
    clock.advance(10);
    expect(await finishAll(runs)).toEqual([[0], [1], [2]]);
  });

  test("nobody rides in a batch that ends after his deadline", async () => {
    const clock = createManualClock();
    const latency = knownLatency({ runMs: (rows) => 10 * rows, maxBatchSize: 4, sloMs: 100 }, 1);
    const { engine, runs } = setUp({ preserveOrdering: true, latency, admission: "off" }, clock);
    void send(engine, [0]);
    void send(engine, [1], { deadline: clock.now() + 200 });
    const tight = send(engine, [2], { deadline: clock.now() + 25 });
    void send(engine, [3], { deadline: clock.now() + 200 });
    clock.advance(5);
    runs[0]!.finish();
    await settle();
    expect(runs[1]!.values).toEqual([1, 3]);
    runs[1]!.finish();
    clock.advance(15);
    await expect(tight.result).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  });
});

test("property: in whatever order runs end, answers leave in the order of arrival and every row is its caller's", async () => {
  const request = fc.record({ rows: fc.integer({ min: 1, max: 6 }), isBad: fc.boolean() });
  const plan = fc.record({
    requests: fc.array(request, { minLength: 1, maxLength: 20 }),
    lanes: fc.integer({ min: 1, max: 3 }),
    picks: fc.infiniteStream(fc.nat()),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ requests, lanes, picks }) => {
      const { engine, runs } = setUp({ preserveOrdering: true, maxBatchSize: 4 }, undefined, lanes);
      const answers: number[] = [];
      const bad = new Set<number>();
      for (const [i, { rows, isBad }] of requests.entries()) {
        const values = Array.from({ length: rows }, (_, row) => 100 * i + row);
        if (isBad) for (const value of values) bad.add(value);
        send(engine, values).result.then(
          (result) => {
            expect(rowsOf(result)).toEqual(values.map((value) => value + 1));
            answers.push(i);
          },
          () => answers.push(i),
        );
      }
      const open = new Set<number>();
      let seen = 0;
      for (;;) {
        for (; seen < runs.length; seen++) open.add(seen);
        if (open.size === 0) break;
        const index = [...open][picks.next().value % open.size]!;
        open.delete(index);
        const run = runs[index]!;
        if (run.values.some((value) => bad.has(value))) run.fail(new RunFailure("kernel", true));
        else run.finish();
        await settle();
      }
      expect(answers).toEqual(requests.map((_, i) => i));
    }),
    { numRuns: 60 },
  );
});
