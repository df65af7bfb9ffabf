// Everything at once: models with any mix of options on shared lanes and devices, and whatever can happen to them and their requests.

import { afterEach, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import type { Mix } from "./mixed-model.ts";
import { MixedModels } from "./mixed-models.ts";
import type { Sent } from "./mixed-request.ts";
import { endMixedCalls } from "./mixed-request.ts";

afterEach(endMixedCalls);

const LANES = 3;

const model = fc.record({
  lanes: fc.integer({ min: 1, max: 2 ** LANES - 1 }),
  device: fc.constantFrom("none", "gpu", "gpu", "cpu", "cpu"),
  tokens: fc.integer({ min: 1, max: 2 }),
  kind: fc.constantFrom("plain", "plain", "fixed sizes", "padded", "padded"),
  maxBatchSize: fc.constantFrom(1, 3, 4, 7),
  sharesRuns: fc.constantFrom(true, true, true, false),
  maxBatchBytes: fc.constantFrom(Infinity, Infinity, 96),
  preferredBatchSizes: fc.constantFrom<readonly number[]>([], [], [1], [2, 3]),
  maxQueueDelayMs: fc.constantFrom(0, 0, 5),
  gate: fc.constantFrom("auto", "fixed"),
  order: fc.constantFrom("deadline", "deadline", "arrival", "levels", "levels"),
  onTimeout: fc.constantFrom("reject", "delay"),
  timeoutMs: fc.constantFrom(0, 0, 0, 20),
  compat: fc.constantFrom("off", "off", "triton"),
  admission: fc.constantFrom("strict", "lenient", "off"),
  baseMs: fc.constantFrom(undefined, undefined, 0, 1, 4, 30),
});

const request = fc.record({
  kind: fc.constant("send" as const),
  model: fc.nat(2),
  rows: fc.constantFrom(1, 1, 1, 1, 2, 3, 5, 9),
  length: fc.integer({ min: 0, max: 12 }),
  priority: fc.integer({ min: 0, max: 3 }),
  queueTimeoutMs: fc.constantFrom(0, 0, 0, 0.001, 3, 10),
  deadlineMs: fc.constantFrom(Infinity, Infinity, 15, 40, 150, 400, 6000),
  isPoison: fc.constantFrom(false, false, false, false, false, true),
});

const step = fc.oneof(
  { weight: 10, arbitrary: request },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("finish" as const), lane: fc.nat(LANES - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cancel" as const), request: fc.nat(30) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: fc.constantFrom(1, 1, 1, 2, 2, 3, 6, 6, 20, 1200) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("stall" as const), ms: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("lose" as const, "revive" as const), lane: fc.nat(LANES - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), model: fc.nat(9) }) },
);

test("property: with all options mixed everybody is answered once and rightly, nothing idles beside waiting work, and nothing is left", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(model, { minLength: 1, maxLength: 3, size: "max" }),
      fc.array(step, { minLength: 5, maxLength: 60, size: "max" }),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom(0, 0.001),
      async (models: readonly Mix[], steps, tokens, readMs) => {
        const all = new MixedModels(models, LANES, tokens, readMs);
        for (const given of steps) {
          if (given.kind === "send") all.send(given);
          else if (given.kind === "finish") all.lanes.finish(given.lane);
          else if (given.kind === "cancel") all.cancel(given.request);
          else if (given.kind === "advance") all.advance(given.ms);
          else if (given.kind === "stall") all.stall(given.ms);
          else if (given.kind === "close") all.close(given.model);
          else if (given.kind === "lose") all.lanes.lose(given.lane);
          else all.lanes.revive(given.lane);
          await all.settle();
          expect(all.problems).toEqual([]);
        }
        await all.drain();
        expect(all.problems).toEqual([]);
        for (const sent of all.sent) expectFitting(sent, all.lanes.lost);
        await all.fill();
        expect(all.problems).toEqual([]);
        expect(await all.leftovers()).toEqual([]);
      },
    ),
    { numRuns: 300 },
  );
});

/** Whether the outcome of a request is one that it can have. */
function expectFitting({ mix, reason, given, values, rows, isCancelled, isAfterClose, timeoutMs }: Sent, lost: ReadonlySet<number>): void {
  switch (reason) {
    case undefined:
      expect([given.isPoison, isCancelled, isAfterClose]).toEqual([false, false, false]);
      expect(rows).toEqual(values.map((value) => value + 1));
      break;
    case "CANCELLED":
      expect(isCancelled).toBe(true);
      break;
    case "MODEL_REJECTED_INPUT":
      expect(given.isPoison).toBe(true);
      break;
    case "MODEL_NOT_READY":
      expect(isAfterClose).toBe(true);
      break;
    case "QUEUE_TIMEOUT":
      expect(mix.onTimeout).toBe("reject");
      expect(timeoutMs).toBeGreaterThan(0);
      break;
    case "WORKER_LOST":
      expect(values.some((value) => lost.has(value))).toBe(true);
      break;
    case "QUEUE_FULL":
      break;
    default:
      expect(["DEADLINE_EXCEEDED", "DEADLINE_UNREACHABLE", "MODEL_STALLED"]).toContain(reason);
      expect(given.deadlineMs).toBeLessThan(Infinity);
  }
}
