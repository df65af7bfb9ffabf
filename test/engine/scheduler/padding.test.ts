// Requests of different lengths in one queue: what rides together, what a run may hold, and what everybody gets back.

import { afterEach, expect, test } from "@jest/globals";
import { array, assert, asyncProperty, constantFrom, integer, nat, record } from "fast-check";
import { LatencyModel } from "../../../src/engine/scheduler/latency-model.ts";
import { settle } from "./fake-instance.ts";
import type { PaddedRun } from "./padded-instance.ts";
import { endPaddedCalls, expectOwn, MAX_ROWS, MAX_TOKENS, paddedEngine, PLAN, submitPadded } from "./padded-instance.ts";

afterEach(endPaddedCalls);

test("property: everybody gets its own rows at their own length, and no run exceeds rows or tokens, failures and all", async () => {
  const anyCaller = record({ rows: integer({ min: 1, max: 14 }), length: integer({ min: 1, max: 40 }) });
  await assert(
    asyncProperty(
      array(anyCaller, { minLength: 1, maxLength: 30 }),
      array(nat(9), { maxLength: 5 }),
      constantFrom(0, 1000),
      async (callers, failing, baseMs) => {
        const runs: PaddedRun[] = [];
        const engine = paddedEngine(runs, { latency: tokenLatency(baseMs) });
        const answers = callers.map((caller, seed) => submitPadded(engine, caller, seed));
        const settled = Promise.allSettled(answers);
        for (let i = 0; i < runs.length; i++) {
          // A run of several that fails is halved; of one it would be an answer.
          if (failing.includes(i) && runs[i]!.lengths.length > 1) runs[i]!.fail();
          else runs[i]!.finish();
          await settle();
        }
        for (const [seed, answer] of (await settled).entries()) {
          if (answer.status === "rejected") throw answer.reason;
          expectOwn(answer.value, callers[seed]!, seed);
        }
        for (const { rows, length } of runs) {
          expect(PLAN.buckets).toContain(length);
          expect(rows === 1 || (rows <= MAX_ROWS && rows * length <= MAX_TOKENS)).toBe(true);
        }
        const { padRatio } = engine.statistics().scheduling!;
        expect(padRatio.count).toBe(runs.length);
        expect(padRatio.sum).toBeGreaterThanOrEqual(0);
      },
    ),
  );
});

/** Run times in proportion to the tokens, with something on top for every run. @param baseMs for a run at all. */
function tokenLatency(baseMs: number): LatencyModel {
  const latency = new LatencyModel();
  for (const bucket of PLAN.buckets) {
    for (let rows = 1; rows <= MAX_ROWS; rows++) {
      for (let i = 0; i < 4; i++) latency.record(rows, baseMs + rows * bucket, 0, `${bucket}|L,2,;;`);
    }
  }
  return latency;
}

test.each([
  // Lengths of the runs after the first, which only keeps the lane busy.
  ["dear, so that shorter requests ride along", 1000, [[3, 9, 12]]],
  ["cheap, so that they do not", 0, [[12], [3], [9]]],
])("runs are %s", async (_, baseMs, wanted) => {
  const runs: PaddedRun[] = [];
  const engine = paddedEngine(runs, { latency: tokenLatency(baseMs) });
  const callers = [40, 12, 3, 9].map((length) => ({ rows: 1, length }));
  const answers = callers.map((caller, seed) => submitPadded(engine, caller, seed));
  for (let i = 0; i < runs.length; i++) {
    runs[i]!.finish();
    await settle();
  }
  for (const [seed, answer] of (await Promise.all(answers)).entries()) expectOwn(answer, callers[seed]!, seed);
  expect(runs.slice(1).map(({ lengths }) => lengths.toSorted((a, b) => a - b))).toEqual(wanted);
});
