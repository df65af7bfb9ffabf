// An engine that closes finishes what it has, whatever drops out meanwhile.

import { afterEach, expect, test } from "@jest/globals";
import { RunFailure } from "../../../src/engine/scheduler/executor.ts";
import { endCalls, finishAll, rowsOf, send, setUp, settle } from "./fake-instance.ts";
import { createManualClock } from "./manual-clock.ts";

afterEach(endCalls);

/** Whether a promise has been fulfilled. */
function watch(promise: Promise<unknown>): () => boolean {
  let done = false;
  void promise.then(() => (done = true));
  return () => done;
}

test("a request that times out at the hand-over does not close the engine under the rest of its batch", async () => {
  const clock = createManualClock();
  const { engine, runs } = setUp({}, clock);
  void send(engine, [0]);
  const late = send(engine, [1], { queueTimeoutMs: 5 });
  const other = send(engine, [2]);
  const closed = watch(engine.close());
  clock.stall(10);
  runs[0]!.finish();
  await settle();
  await expect(late.result).rejects.toMatchObject({ reason: "QUEUE_TIMEOUT" });
  expect([runs.at(-1)!.values, closed()]).toEqual([[2], false]);
  runs[1]!.finish();
  expect(rowsOf(await other.result)).toEqual([3]);
  await settle();
  expect(closed()).toBe(true);
});

test("the last ones that time out at the hand-over let the engine close", async () => {
  const clock = createManualClock();
  const { engine, runs } = setUp({}, clock);
  void send(engine, [0]);
  const late = [1, 2].map((value) => send(engine, [value], { queueTimeoutMs: 5 }));
  const closed = watch(engine.close());
  clock.stall(10);
  runs[0]!.finish();
  for (const { result } of late) await expect(result).rejects.toMatchObject({ reason: "QUEUE_TIMEOUT" });
  await settle();
  expect([runs.length, closed()]).toEqual([1, true]);
});

test("a batch that is halved is finished first", async () => {
  const { engine, runs } = setUp();
  void send(engine, [0]);
  const [good, bad] = [send(engine, [1]), send(engine, [2])];
  const closed = watch(engine.close());
  runs[0]!.finish();
  await settle();
  runs[1]!.fail(new RunFailure("on purpose", true));
  await settle();
  expect(closed()).toBe(false);
  runs[2]!.finish();
  await settle();
  runs[3]!.fail(new RunFailure("on purpose", true));
  await expect(bad.result).rejects.toMatchObject({ reason: "MODEL_REJECTED_INPUT" });
  expect(rowsOf(await good.result)).toEqual([2]);
  await settle();
  expect(closed()).toBe(true);
  await finishAll(runs, 4);
});

test("everybody who closes waits for the last answer", async () => {
  const { engine, runs } = setUp();
  const { result } = send(engine, [1]);
  const closed = [engine.close(), engine.close()];
  runs[0]!.finish();
  await result;
  await Promise.all(closed);
});
