import { afterEach, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import type { GateRule, TimeoutAction } from "../../../src/engine/queue-policy.ts";
import { RunFailure } from "../../../src/engine/scheduler/executor.ts";
import { endCalls, rowsOf, send, setUp, settle } from "./fake-instance.ts";
import { createManualClock } from "./manual-clock.ts";

afterEach(endCalls);

const MAX_WAITING = 6;

const request = fc.record({
  rows: fc.integer({ min: 1, max: 7 }),
  shapeKey: fc.constantFrom("a", "b"),
  priority: fc.integer({ min: 0, max: 3 }),
  queueTimeoutMs: fc.constantFrom(0, 0, 3, 10),
  deadlineMs: fc.constantFrom(Infinity, Infinity, 15, 40, 150, 6000),
  fate: fc.constantFrom("wait", "wait", "wait", "cancel", "poison"),
});
const step = fc.oneof(
  request,
  fc.constant("finish" as const),
  fc.record({ advanceMs: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ stallMs: fc.integer({ min: 1, max: 6 }) }),
);
const options = fc.record({
  maxBatchSize: fc.integer({ min: 1, max: 4 }),
  sharesRuns: fc.boolean(),
  maxQueueDelayMs: fc.constantFrom(0, 5),
  gate: fc.constantFrom<GateRule>("auto", "fixed"),
  preferredBatchSizes: fc.constantFrom<readonly number[]>([], [1], [2, 3]),
  preserveOrdering: fc.boolean(),
  isFixedSize: fc.boolean(),
  onTimeout: fc.constantFrom<TimeoutAction>("reject", "delay"),
});

test("property: with levels, timeouts, failures and cancels every request is answered once, as it must be, and nothing is left", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), options, fc.integer({ min: 1, max: 2 }), async (steps, chosen, lanes) => {
      const { onTimeout, isFixedSize, ...rest } = chosen;
      const allowedBatchSizes = isFixedSize ? [chosen.maxBatchSize] : [];
      const clock = createManualClock();
      const defaultPolicy = { timeoutMs: 0, onTimeout, allowOverride: true, maxQueueRequests: MAX_WAITING };
      const queue = { levels: 2, defaultLevel: 2, defaultPolicy, policies: new Map() };
      const { engine, runs } = setUp({ ...rest, allowedBatchSizes, queue }, clock, lanes);
      const poison = new Set<number>();
      const startedAt = new Map<number, number>();
      let noted = 0;
      const note = (): void => {
        for (; noted < runs.length; noted++) {
          for (const value of runs[noted]!.values) if (!startedAt.has(value)) startedAt.set(value, clock.now());
        }
      };
      const advance = (ms: number): void => {
        for (let i = 0; i < ms; i++) {
          clock.advance(1);
          note();
        }
      };
      let done = 0;
      const finishOne = async (): Promise<void> => {
        const run = runs[done++]!;
        if (run.values.some((value) => poison.has(value))) run.fail(new RunFailure("Non-zero status code", true));
        else run.finish();
        await settle();
        note();
      };
      let marker = 0;
      const sent = [];
      for (const item of steps) {
        if (item === "finish") {
          if (done < runs.length) await finishOne();
        } else if ("advanceMs" in item) {
          advance(item.advanceMs);
        } else if ("stallMs" in item) {
          clock.stall(item.stallMs);
        } else {
          const values = Array.from({ length: item.rows }, () => (marker += 10));
          if (item.fate === "poison") poison.add(values[0]!);
          const submitted = send(engine, values, { ...item, deadline: clock.now() + item.deadlineMs });
          note();
          if (item.fate === "cancel") submitted.call.cancel();
          sent.push({ ...submitted, ...item, values, at: clock.now() });
        }
        note();
      }
      while (done < runs.length || engine.statistics().queuedRows > 0) {
        advance(5);
        if (done < runs.length) await finishOne();
      }
      for (const { result, values, fate, queueTimeoutMs, deadlineMs, at } of sent) {
        const [outcome] = await Promise.allSettled([result]);
        const begun = Math.min(...values.map((value) => startedAt.get(value) ?? Infinity));
        if (outcome.status === "fulfilled") {
          expect(fate).toBe("wait");
          expect(rowsOf(outcome.value)).toEqual(values.map((value) => value + 1));
          // A start is noted at the end of its millisecond.
          if (onTimeout === "reject" && queueTimeoutMs > 0) expect(begun - at).toBeLessThanOrEqual(queueTimeoutMs);
          continue;
        }
        const { reason } = outcome.reason as { readonly reason: string };
        if (reason === "QUEUE_TIMEOUT") {
          expect(onTimeout).toBe("reject");
          expect(queueTimeoutMs).toBeGreaterThan(0);
          expect(begun).toBe(Infinity);
        } else if (["DEADLINE_EXCEEDED", "DEADLINE_UNREACHABLE", "MODEL_STALLED"].includes(reason)) {
          expect(deadlineMs).toBeLessThan(Infinity);
        } else if (reason === "CANCELLED") {
          expect(fate).toBe("cancel");
        } else if (reason === "MODEL_REJECTED_INPUT") {
          expect(fate).toBe("poison");
        } else {
          expect(reason).toBe("QUEUE_FULL");
        }
      }
      // The gate may have been set for a batch that filled up and left.
      advance(5);
      expect(clock.timerCount).toBe(0);
      expect(engine.statistics().queuedRows).toBe(0);
      // Both levels have all their places again, and no more.
      const full = Array.from({ length: chosen.maxBatchSize }, () => -1);
      let filler = send(engine, full);
      while (engine.statistics().queuedRows === 0) filler = send(engine, full);
      filler.call.cancel();
      for (const priority of [1, 2]) {
        for (let i = 0; i <= MAX_WAITING; i++) void send(engine, [-1], { priority });
      }
      expect(engine.statistics().queuedRows).toBe(2 * MAX_WAITING);
      endCalls();
      expect(engine.statistics().queuedRows).toBe(0);
    }),
    { numRuns: 200 },
  );
});
