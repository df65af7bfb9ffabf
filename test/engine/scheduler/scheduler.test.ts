import { afterEach, describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { RunFailure } from "../../../src/engine/scheduler/executor.ts";
import { LatencyModel } from "../../../src/engine/scheduler/latency-model.ts";
import { createScheduler } from "../../../src/engine/scheduler/scheduler.ts";
import { ServiceError } from "../../../src/errors.ts";
import type { FakeRun } from "./fake-instance.ts";
import { createFakeInstance, createLane, endCalls, queueOptions, finishAll, rowsOf, setUp, settle, submit } from "./fake-instance.ts";
import { createManualClock } from "./manual-clock.ts";
import { knownLatency } from "./simulation/profiles.ts";

afterEach(endCalls);

/** Of a model that takes a millisecond, whatever the rows. */
function fast(): LatencyModel {
  const latency = new LatencyModel();
  for (const rows of [1, 4]) latency.record(rows, 1);
  return latency;
}

describe("dispatch", () => {
  test("a lone request on an idle server leaves in the same tick", () => {
    const { engine, runs } = setUp();
    void submit(engine, [7]);
    expect(runs.map(({ values }) => values)).toEqual([[7]]);
    runs[0]!.finish();
  });

  test("what queues up behind a running batch shares the next one", async () => {
    const { engine, runs } = setUp();
    const requests = [[1], [2], [3, 4], [5]].map((values) => submit(engine, values));
    expect(runs.map(({ values }) => values)).toEqual([[1]]);
    runs[0]!.finish();
    await settle();
    expect(runs[1]!.values).toEqual([2, 3, 4, 5]);
    runs[1]!.finish();
    const results = await Promise.all(requests.map(({ result }) => result));
    expect(results.map(rowsOf)).toEqual([[2], [3], [4, 5], [6]]);
    expect(results.map(({ batchRows }) => batchRows)).toEqual([1, 4, 4, 4]);
  });

  test("the most urgent deadline goes first, ties by arrival", async () => {
    const { engine, runs } = setUp({ maxBatchSize: 1 });
    void submit(engine, [0]);
    const later = [submit(engine, [1], 60_000), submit(engine, [2], 10_000), submit(engine, [3], 30_000), submit(engine, [4])];
    for (let i = 0; i < 5; i++) {
      runs[i]!.finish();
      await settle();
    }
    await Promise.all(later.map(({ result }) => result));
    expect(runs.map(({ values }) => values[0])).toEqual([0, 2, 3, 1, 4]);
  });

  test("requests of different shapes never share a batch", async () => {
    const { engine, runs } = setUp();
    void submit(engine, [0]);
    const waiting = [submit(engine, [1], Infinity, "8"), submit(engine, [2], Infinity, "16"), submit(engine, [3], Infinity, "8")];
    for (let i = 0; i < 3; i++) {
      runs[i]!.finish();
      await settle();
    }
    await Promise.all(waiting.map(({ result }) => result));
    expect(runs.map(({ values }) => values)).toEqual([[0], [1, 3], [2]]);
  });

  test("a batch takes no more bytes than it may, and a single larger request runs alone", async () => {
    // Four bytes a row.
    const { engine, runs } = setUp({ maxBatchBytes: 8 });
    for (const values of [[0], [1], [2], [3], [4, 5, 6], [7]]) void submit(engine, values);
    for (let i = 0; i < runs.length; i++) {
      runs[i]!.finish();
      await settle();
    }
    expect(runs.map(({ values }) => values)).toEqual([[0], [1, 2], [3, 7], [4, 5, 6]]);
  });

  test("every idle instance is used", () => {
    const { engine, runs } = setUp({}, undefined, 2);
    void submit(engine, [1]);
    void submit(engine, [2]);
    void submit(engine, [3]);
    expect(runs.map(({ values }) => values)).toEqual([[1], [2]]);
  });

  test("two models on one lane take turns by urgency, never at once", async () => {
    const lane = createLane();
    const scheduler = createScheduler();
    const runs: FakeRun[] = [];
    const a = scheduler.createEngine(queueOptions([createFakeInstance(lane, runs)]));
    const b = scheduler.createEngine(queueOptions([createFakeInstance(lane, runs)]));
    void submit(a, [1]);
    void submit(a, [2], 50_000);
    void submit(b, [3], 10_000);
    expect(runs).toHaveLength(1);
    runs[0]!.finish();
    await settle();
    expect(runs.map(({ values }) => values)).toEqual([[1], [3]]);
    runs[1]!.finish();
    await settle();
    expect(runs[2]!.values).toEqual([2]);
  });

  test("a lane whose worker is being replaced gets nothing until it is back", () => {
    const lane = createLane();
    const runs: FakeRun[] = [];
    const engine = createScheduler().createEngine(queueOptions([createFakeInstance(lane, runs)]));
    lane.available = false;
    void submit(engine, [1]);
    expect(runs).toHaveLength(0);
    lane.revive();
    expect(runs).toHaveLength(1);
  });

  test("a full batch is staged behind a short run, a partial one is not", () => {
    const { engine, runs } = setUp();
    // The latency table says 80 ms for four rows: too long to commit early.
    for (const values of [[0], [1], [2], [3], [4]]) void submit(engine, values);
    expect(runs).toHaveLength(1);
    const other = setUp({ latency: fast() });
    for (const values of [[0], [1], [2], [3]]) void submit(other.engine, values);
    expect(other.runs).toHaveLength(1);
    void submit(other.engine, [4]);
    expect(other.runs.map(({ values }) => values)).toEqual([[0], [1, 2, 3, 4]]);
  });
});

describe("waiting for a fuller batch", () => {
  test("a batch leaves when it is full, or when its oldest request has waited long enough", () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ maxQueueDelayMs: 5 }, clock, 2);
    void submit(engine, [1]);
    clock.advance(3);
    void submit(engine, [2]);
    expect(runs).toHaveLength(0);
    clock.advance(2);
    expect(runs.map(({ values }) => values)).toEqual([[1, 2]]);
    for (const value of [3, 4, 5, 6]) void submit(engine, [value]);
    expect(runs[1]!.values).toEqual([3, 4, 5, 6]);
  });
});

describe("preferred sizes", () => {
  test("end a wait", () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ maxQueueDelayMs: 5, preferredBatchSizes: [2, 3] }, clock);
    void submit(engine, [1]);
    expect(runs).toHaveLength(0);
    void submit(engine, [2]);
    expect(runs.map(({ values }) => values)).toEqual([[1, 2]]);
  });

  test("cut a batch where a row then takes less time", async () => {
    const latency = knownLatency({ runMs: (rows) => (rows <= 2 ? 20 : 40), maxBatchSize: 4, sloMs: Infinity });
    const { engine, runs } = setUp({ preferredBatchSizes: [2], latency });
    for (const value of [0, 1, 2, 3]) void submit(engine, [value]);
    expect(await finishAll(runs)).toEqual([[0], [1, 2], [3]]);
  });
});

describe("leaving the queue", () => {
  test("a cancelled request leaves at once and never runs", async () => {
    const { engine, runs } = setUp();
    void submit(engine, [0]);
    const cancelled = submit(engine, [1]);
    const kept = submit(engine, [2]);
    cancelled.call.cancel();
    await expect(cancelled.result).rejects.toMatchObject({ reason: "CANCELLED", metadata: { stage: "queue" } });
    expect(engine.statistics().queuedRows).toBe(1);
    runs[0]!.finish();
    await settle();
    runs[1]!.finish();
    await kept.result;
    expect(runs.map(({ values }) => values)).toEqual([[0], [2]]);
  });

  test("an expired request is answered while a long batch still runs", async () => {
    const { engine, runs } = setUp({ latency: fast() });
    void submit(engine, [0]);
    const expired = submit(engine, [1], 5);
    await expect(expired.result).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED", metadata: { stage: "queue" } });
    expect(runs).toHaveLength(1);
    expect(engine.statistics().queuedRows).toBe(0);
  });

  test("a deadline that passes during the run is answered then; the rows that come back are thrown away", async () => {
    const { engine, runs } = setUp({ latency: fast() });
    const late = submit(engine, [0], 5);
    await expect(late.result).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED", metadata: { stage: "run" } });
    runs[0]!.finish();
    const next = submit(engine, [1]);
    await settle();
    runs[1]!.finish();
    expect(rowsOf(await next.result)).toEqual([2]);
  });

  test("more rows than may wait are refused with the time after which a retry makes sense", async () => {
    const { engine } = setUp({ maxQueueRows: 4 });
    void submit(engine, [0]);
    void submit(engine, [1, 2, 3]);
    const refused = submit(engine, [4, 5]);
    await expect(refused.result).rejects.toMatchObject({ reason: "QUEUE_FULL" });
    await expect(refused.result).rejects.toHaveProperty("retryAfterMs", 80);
  });

  test("more bytes than may wait are refused likewise; an empty queue takes a request of any size", async () => {
    const { engine, runs } = setUp({ maxQueueBytes: 16 });
    void submit(engine, [0]);
    const waits = submit(engine, [1, 2, 3]);
    const refused = submit(engine, [4, 5]);
    await expect(refused.result).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      reason: "QUEUE_FULL",
      metadata: { stage: "admit", maxQueueBytes: "16" },
      retryAfterMs: 80,
    });
    const fits = submit(engine, [6]);
    waits.call.cancel();
    await expect(waits.result).rejects.toMatchObject({ reason: "CANCELLED" });
    fits.call.cancel();
    await expect(fits.result).rejects.toMatchObject({ reason: "CANCELLED" });
    const large = submit(engine, [7, 8, 9, 10, 11, 12, 13]);
    await finishAll(runs);
    expect(rowsOf(await large.result)).toHaveLength(7);
  });
});

describe("split and join", () => {
  test("a request larger than a batch comes back as one answer, rows in order", async () => {
    const { engine, runs } = setUp({}, undefined, 2);
    const values = Array.from({ length: 10 }, (_, i) => i);
    const { result } = submit(engine, values);
    // The second part ends first.
    runs[1]!.finish();
    await settle();
    runs[2]!.finish();
    runs[0]!.finish();
    expect(rowsOf(await result)).toEqual(values.map((value) => value + 1));
    expect(runs.map((run) => run.values.length)).toEqual([4, 4, 2]);
  });

  test("one lost part fails the whole request at once and its waiting parts leave", async () => {
    const { engine, runs } = setUp();
    const { result } = submit(engine, [1, 2, 3, 4, 5, 6]);
    runs[0]!.fail(new ServiceError("WORKER_LOST", "gone"));
    await expect(result).rejects.toMatchObject({ reason: "WORKER_LOST" });
    expect(engine.statistics().queuedRows).toBe(0);
    expect(runs).toHaveLength(1);
  });
});

describe("a failed run", () => {
  test("is halved until only the guilty request fails", async () => {
    const { engine, runs } = setUp();
    void submit(engine, [0]);
    const requests = [1, 2, 666, 4].map((value) => submit(engine, [value]));
    for (let i = 0; i < runs.length; i++) {
      const run = runs[i]!;
      if (run.values.includes(666)) run.fail(new RunFailure("Non-zero status code", true));
      else run.finish();
      await settle();
    }
    const outcomes = await Promise.allSettled(requests.map(({ result }) => result));
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
    expect(outcomes[2]).toMatchObject({ reason: { reason: "MODEL_REJECTED_INPUT" } });
    expect(runs.map(({ values }) => values)).toEqual([[0], [1, 2, 666, 4], [1, 2], [666, 4], [666], [4]]);
  });

  test("strangers do not ride in a rerun", async () => {
    const { engine, runs } = setUp();
    const guilty = [submit(engine, [1]), submit(engine, [2]), submit(engine, [3])];
    runs[0]!.finish();
    await settle();
    void submit(engine, [9]);
    runs[1]!.fail(new RunFailure("Non-zero status code", true));
    await settle();
    expect(runs[2]!.values).toEqual([2]);
    for (let i = 2; i < runs.length; i++) {
      runs[i]!.finish();
      await settle();
    }
    expect((await Promise.all(guilty.map(({ result }) => result))).map(rowsOf)).toEqual([[2], [3], [4]]);
  });

  test("that no row can be blamed for is the server's fault", async () => {
    const { engine, runs } = setUp();
    const { result } = submit(engine, [1]);
    runs[0]!.fail(new RunFailure("out of memory", false));
    await expect(result).rejects.toMatchObject({ reason: "MODEL_RUN_FAILED", code: "INTERNAL" });
  });

  test("a lost worker answers everybody in its batch at once", async () => {
    const { engine, runs } = setUp();
    const requests = [submit(engine, [1])];
    runs[0]!.fail(new ServiceError("WORKER_LOST", "gone", { retryAfterMs: 1000 }));
    const [outcome] = await Promise.allSettled(requests.map(({ result }) => result));
    expect(outcome).toMatchObject({ status: "rejected", reason: { reason: "WORKER_LOST" } });
  });
});

describe("closing", () => {
  test("finishes what waits and what runs, and refuses the rest", async () => {
    const { engine, runs } = setUp();
    const first = submit(engine, [1]);
    const second = submit(engine, [2]);
    const closed = engine.close();
    await expect(submit(engine, [3]).result).rejects.toMatchObject({ reason: "MODEL_NOT_READY" });
    runs[0]!.finish();
    await settle();
    runs[1]!.finish();
    await closed;
    expect(rowsOf(await first.result)).toEqual([2]);
    expect(rowsOf(await second.result)).toEqual([3]);
  });
});

test("property: whatever comes and goes, every row returns to its own caller", async () => {
  const request = fc.record({
    rows: fc.integer({ min: 1, max: 11 }),
    shape: fc.constantFrom("a", "b"),
    fate: fc.constantFrom("wait", "wait", "wait", "cancel", "poison"),
    deadline: fc.constantFrom(Infinity, 60_000, 90_000),
  });
  const step = fc.oneof(request, fc.constant("finish" as const));
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 3 }),
      async (steps, maxBatchSize, lanes) => {
        const { engine, runs } = setUp({ maxBatchSize }, undefined, lanes);
        let done = 0;
        const poison = new Set<number>();
        const finishOne = async (): Promise<void> => {
          const run = runs[done++]!;
          if (run.values.some((value) => poison.has(value))) run.fail(new RunFailure("Non-zero status code", true));
          else run.finish();
          await settle();
        };
        let marker = 0;
        const sent = [];
        for (const item of steps) {
          if (item === "finish") {
            if (done < runs.length) await finishOne();
            continue;
          }
          const values = Array.from({ length: item.rows }, () => (marker += 10));
          if (item.fate === "poison") poison.add(values[0]!);
          const submitted = submit(engine, values, item.deadline, item.shape);
          if (item.fate === "cancel") submitted.call.cancel();
          sent.push({ ...submitted, values, fate: item.fate });
        }
        while (done < runs.length) await finishOne();
        for (const { result, values, fate } of sent) {
          const [outcome] = await Promise.allSettled([result]);
          if (fate === "wait")
            expect(outcome.status === "fulfilled" ? rowsOf(outcome.value) : outcome).toEqual(values.map((value) => value + 1));
          else expect(outcome.status).toBe("rejected");
        }
        for (const { values } of runs) expect(values.length).toBeLessThanOrEqual(maxBatchSize);
        expect(engine.statistics().queuedRows).toBe(0);
      },
    ),
    { numRuns: 150 },
  );
});
