import { afterEach, describe, expect, test } from "@jest/globals";
import type { QueuePolicies } from "../../../src/engine/queue-policy.ts";
import { likeTriton, PLAIN_QUEUE } from "../../../src/engine/queue-policy.ts";
import { endCalls, finishAll, send, setUp, settle } from "./fake-instance.ts";
import { createManualClock } from "./manual-clock.ts";
import { knownLatency } from "./simulation/profiles.ts";

afterEach(endCalls);

const PLAIN = PLAIN_QUEUE.defaultPolicy;

/** One lane, one row a run, 20 ms each. */
function engineFor(compat: "off" | "triton", queue: QueuePolicies = PLAIN_QUEUE) {
  const clock = createManualClock();
  const latency = knownLatency({ runMs: () => 20, maxBatchSize: 1, sloMs: Infinity });
  return { clock, ...setUp({ compat, queue, latency, maxBatchSize: 1, maxQueueRows: 2 }, clock) };
}

describe.each([
  ["off", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"],
  ["triton", "UNAVAILABLE", "UNAVAILABLE"],
] as const)("compat %s", (compat, overload, timeout) => {
  const said = (text: string) => (compat === "triton" ? { message: text } : {});

  test("a full queue", async () => {
    const { engine } = engineFor(compat);
    for (const value of [0, 1, 2]) void send(engine, [value]);
    await expect(send(engine, [3]).result).rejects.toMatchObject({
      code: overload,
      reason: "QUEUE_FULL",
      retryAfterMs: 40,
      ...said("Exceeds maximum queue size"),
    });
  });

  test("load that is shed on arrival", async () => {
    const { engine, clock } = engineFor(compat);
    for (const value of [0, 1]) void send(engine, [value], { deadline: clock.now() + 45 });
    await expect(send(engine, [2], { deadline: clock.now() + 50 }).result).rejects.toMatchObject({
      code: overload,
      reason: "DEADLINE_UNREACHABLE",
      ...said("Exceeds maximum queue size"),
    });
  });

  test("a queue timeout", async () => {
    const { engine, clock } = engineFor(compat, { ...PLAIN_QUEUE, defaultPolicy: { ...PLAIN, timeoutMs: 30 } });
    void send(engine, [0]);
    const timed = send(engine, [1], { queueTimeoutMs: 5 });
    clock.advance(5);
    await expect(timed.result).rejects.toMatchObject({
      code: timeout,
      reason: "QUEUE_TIMEOUT",
      metadata: { queueTimeoutMs: "5" },
      ...said("Request timeout expired"),
    });
  });

  test("a deadline that cannot be met is the caller's own", async () => {
    const { engine, clock } = engineFor(compat);
    await expect(send(engine, [0], { deadline: clock.now() + 5 }).result).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
  });

  test("a request's own timeout where the model has none", async () => {
    const { engine, clock } = engineFor(compat);
    void send(engine, [0]);
    const timed = send(engine, [1], { queueTimeoutMs: 5 });
    timed.result.catch(() => {});
    clock.advance(6);
    await settle();
    expect(engine.statistics().queuedRows).toBe(compat === "triton" ? 1 : 0);
  });

  test("many requests of the high level before one of the low level", async () => {
    const clock = createManualClock();
    const queue = { ...PLAIN_QUEUE, levels: 2, defaultLevel: 2 };
    const { engine, runs } = setUp({ compat, queue, maxBatchSize: 1 }, clock);
    for (const value of [0, 1]) void send(engine, [value], { priority: 2 });
    for (let value = 2; value < 20; value++) void send(engine, [value], { priority: 1 });
    const order = (await finishAll(runs)).flat();
    expect(order.indexOf(1)).toBe(compat === "triton" ? 19 : 8);
  });
});

test("policies with a timeout keep what requests may bring", () => {
  const strict = { ...PLAIN, timeoutMs: 7 };
  const queue = likeTriton({ levels: 2, defaultLevel: 1, defaultPolicy: PLAIN, policies: new Map([[1, strict]]) });
  expect([queue.defaultPolicy.allowOverride, queue.policies.get(1)]).toEqual([false, strict]);
});
