import { afterEach, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { joinOutcomes } from "../../../src/engine/scheduler/deliver.ts";
import type { JobOutcome } from "../../../src/engine/scheduler/job.ts";
import { endCalls, rowsOf, send, setUp, settle } from "./fake-instance.ts";
import { createManualClock } from "./manual-clock.ts";

afterEach(endCalls);

const ms = fc.integer({ min: 0, max: 1000 });

/** A part that was submitted at 5000. */
const part = fc.record({ queueMs: ms, batchMs: ms, runMs: ms, batchRows: fc.integer({ min: 1, max: 64 }) }).map((times): JobOutcome => ({
  ...times,
  endedAt: 5000 + times.queueMs + times.batchMs + times.runMs,
  blocks: [{ dtype: "INT32", shape: [1], bytes: new Uint8Array(4) }],
}));

test("property: the times of a split request are those of its last part and never more than the whole", () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (parts) => {
      const result = joinOutcomes(parts, [0], ["y"]);
      expect(result.runEndedAt).toBe(Math.max(...parts.map(({ endedAt }) => endedAt)));
      expect(result.queueMs + result.batchMs + result.runMs).toBe(result.runEndedAt - 5000);
      expect(result.batchRows).toBe(Math.max(...parts.map(({ batchRows }) => batchRows)));
      expect(parts).toContainEqual(
        expect.objectContaining({
          endedAt: result.runEndedAt,
          queueMs: result.queueMs,
          batchMs: result.batchMs,
          runMs: result.runMs,
        }),
      );
      expect(result.outputs).toMatchObject([{ name: "y", shape: [parts.length] }]);
    }),
  );
});

test("a split request whose second part comes home last carries that part's times", async () => {
  const clock = createManualClock();
  const { engine, runs } = setUp({}, clock);
  const start = clock.now();
  const { result } = send(engine, [0, 1, 2, 3, 4, 5]);
  clock.advance(10);
  runs[0]!.finish(9);
  await settle();
  clock.advance(8);
  runs[1]!.finish(6);
  const joined = await result;
  expect(rowsOf(joined)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(joined).toMatchObject({ batchRows: 4, queueMs: 10, batchMs: 2, runMs: 6, runEndedAt: start + 18 });
});

test("a split request whose first part comes home last carries that part's times", async () => {
  const clock = createManualClock();
  const { engine, runs } = setUp({}, clock, 2);
  const start = clock.now();
  const { result } = send(engine, [0, 1, 2, 3, 4, 5]);
  clock.advance(5);
  runs[1]!.finish(4);
  await settle();
  clock.advance(5);
  runs[0]!.finish(9);
  expect(await result).toMatchObject({ batchRows: 4, queueMs: 0, batchMs: 1, runMs: 9, runEndedAt: start + 10 });
});

test("property: whatever the order of ends, stage times of a request add up to no more than its time in the engine", async () => {
  const step = fc.record({ rows: fc.integer({ min: 1, max: 11 }), waitMs: ms, runMs: ms });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 3 }), async (steps, lanes) => {
      const clock = createManualClock();
      const { engine, runs } = setUp({}, clock, lanes);
      const sent = steps.map(({ rows, waitMs }) => {
        clock.advance(waitMs);
        return {
          at: clock.now(),
          ...send(
            engine,
            Array.from({ length: rows }, (_, i) => i),
          ),
        };
      });
      for (let i = 0; i < runs.length; i++) {
        const { waitMs, runMs } = steps[i % steps.length]!;
        clock.advance(waitMs);
        runs[i]!.finish(runMs);
        await settle();
      }
      for (const { at, result } of sent) {
        const { queueMs, batchMs, runMs, runEndedAt } = await result;
        expect(Math.min(queueMs, batchMs, runMs)).toBeGreaterThanOrEqual(0);
        expect(queueMs + batchMs + runMs).toBeLessThanOrEqual(runEndedAt - at);
      }
      const { batches, batchCount } = engine.statistics();
      expect(batches.reduce((sum, { count }) => sum + count, 0)).toBe(batchCount);
    }),
    { numRuns: 50 },
  );
});
