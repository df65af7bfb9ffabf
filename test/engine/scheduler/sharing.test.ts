import { afterEach, describe, expect, test } from "@jest/globals";
import { PLAIN_QUEUE } from "../../../src/engine/queue-policy.ts";
import { RunFailure } from "../../../src/engine/scheduler/executor.ts";
import { LatencyModel } from "../../../src/engine/scheduler/latency-model.ts";
import { endCalls, finishAll, rowsOf, send, setUp, settle } from "./fake-instance.ts";
import { createManualClock } from "./manual-clock.ts";

afterEach(endCalls);

describe("a model whose requests share no runs", () => {
  test("runs one request at a time, in order of urgency", async () => {
    const clock = createManualClock();
    const { engine, runs } = setUp({ sharesRuns: false }, clock);
    void send(engine, [0]);
    void send(engine, [1, 2]);
    void send(engine, [3]);
    void send(engine, [4], { deadline: clock.now() + 100_000 });
    expect(await finishAll(runs)).toEqual([[0], [4], [1, 2], [3]]);
  });

  test("splits a request that is larger than a batch; its last part rides alone too", async () => {
    const { engine, runs } = setUp({ sharesRuns: false });
    const split = send(engine, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    const other = send(engine, [9]);
    expect(await finishAll(runs)).toEqual([[0, 1, 2, 3], [4, 5, 6, 7], [8], [9]]);
    expect(rowsOf(await split.result)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(rowsOf(await other.result)).toEqual([10]);
  });

  test("never waits for a fuller batch", () => {
    const { engine, runs } = setUp({ sharesRuns: false, maxQueueDelayMs: 100 }, createManualClock());
    void send(engine, [0]);
    expect(runs).toHaveLength(1);
  });

  test("stages the next request behind a short run", () => {
    const latency = new LatencyModel();
    latency.record(4, 1);
    const { engine, runs } = setUp({ sharesRuns: false, latency });
    for (const value of [0, 1, 2]) void send(engine, [value]);
    expect(runs.map(({ values }) => values)).toEqual([[0], [1]]);
  });

  test("counts queue timeouts and levels as every other", async () => {
    const clock = createManualClock();
    const queue = { ...PLAIN_QUEUE, levels: 2, defaultLevel: 2 };
    const { engine, runs } = setUp({ sharesRuns: false, maxBatchSize: 2, queue }, clock);
    void send(engine, [0]);
    const timed = send(engine, [1, 2, 3], { queueTimeoutMs: 5 });
    void send(engine, [4, 5, 6]);
    void send(engine, [7], { priority: 1 });
    clock.advance(5);
    await expect(timed.result).rejects.toMatchObject({ reason: "QUEUE_TIMEOUT" });
    expect(await finishAll(runs)).toEqual([[0], [7], [4, 5], [6]]);
  });

  test("answers a failed run alone", async () => {
    const { engine, runs } = setUp({ sharesRuns: false });
    const guilty = send(engine, [0]);
    const next = send(engine, [1]);
    runs[0]!.fail(new RunFailure("Non-zero status code", true));
    await settle();
    await expect(guilty.result).rejects.toMatchObject({ reason: "MODEL_REJECTED_INPUT" });
    expect(await finishAll(runs, 1)).toEqual([[0], [1]]);
    await next.result;
  });

  test("estimates a retry by the runs that wait, not by full batches", async () => {
    const { engine } = setUp({ sharesRuns: false, maxQueueRows: 3 });
    void send(engine, [0]);
    for (const value of [1, 2, 3]) void send(engine, [value]);
    // Three runs of one row, 20 ms each.
    await expect(send(engine, [4]).result).rejects.toMatchObject({ reason: "QUEUE_FULL", retryAfterMs: 60 });
  });
});
