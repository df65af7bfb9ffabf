// Results: every scheduled call is counted once, and a generator that was too slow is found out.

import { expect, test } from "@jest/globals";
import * as fc from "fast-check";

import { createRecords } from "../../../bench/loadgen/records.ts";
import type { Outcome, Records } from "../../../bench/loadgen/records.ts";
import { makeSchedule } from "../../../bench/loadgen/schedule.ts";
import type { Schedule } from "../../../bench/loadgen/schedule.ts";
import { summarise } from "../../../bench/loadgen/summary.ts";
import { defaultLimits } from "../../../bench/loadgen/validity.ts";

const facts = { name: "s", label: "l", target: "t", limits: defaultLimits };
const spec = {
  seed: 1,
  arrivals: { kind: "even" },
  rate: 100,
  seconds: 1,
  warmupSeconds: 0.1,
  deadlinesMs: [{ value: 80, weight: 1 }],
  rows: [{ value: 1, weight: 1 }],
  models: [{ value: "m", weight: 1 }],
} as const;
const schedule: Schedule = makeSchedule(spec);
const measured = schedule.atMs.filter((at) => at >= 100).length;

function filled(set: (records: Records, index: number) => void): Records {
  const records = createRecords(schedule.atMs.length);
  for (let i = 0; i < schedule.atMs.length; i++) {
    records.outcome[i] = "ok";
    records.ending[i] = { status: "OK" };
    set(records, i);
  }
  return records;
}

function resultOf(records: Records, cpuShare = 0.1): ReturnType<typeof summarise> {
  return summarise(schedule, { records, blockedCount: 0, cpuShare, connectionCount: 4 }, facts);
}

test("a call that was answered at its deadline is good, one a moment later is late", () => {
  const result = resultOf(filled(({ endMs }, i) => (endMs[i] = i % 2 === 0 ? 80 : 80.01)));
  expect(result.offered).toBe(measured);
  expect(result.good + result.late).toBe(measured);
  expect(result.good).toBeGreaterThanOrEqual(Math.floor(measured / 2));
  expect(result.late).toBeGreaterThanOrEqual(Math.floor(measured / 2));
  expect(result.lateShare).toBe(result.late / measured);
});

test("groups, classes and bins each add up to what was offered", () => {
  const outcomes = fc.constantFrom<Outcome>("ok", "refused", "unanswered", "unsent", "lost");
  const calls = fc.array(fc.tuple(outcomes, fc.double({ min: 0, max: 200, noNaN: true })), {
    minLength: schedule.atMs.length,
    maxLength: schedule.atMs.length,
  });
  fc.assert(
    fc.property(calls, (drawn) => {
      const result = resultOf(
        filled((records, i) => {
          [records.outcome[i], records.endMs[i]] = drawn[i]!;
          if (records.outcome[i] !== "ok") records.ending[i] = records.outcome[i] === "refused" ? { status: "UNAVAILABLE" } : undefined;
        }),
      );
      const sum = (counts: typeof result | (typeof result)["series"][number]): number =>
        counts.good + counts.late + counts.unanswered + counts.refused + counts.unsent + counts.lost;
      expect(sum(result)).toBe(measured);
      expect(result.series.reduce((total, bin) => total + sum(bin), 0)).toBe(measured);
      expect(Object.values(result.byStatus).reduce((a, b) => a + b, 0)).toBe(measured);
    }),
    { numRuns: 30 },
  );
});

test("refusals tell status, reason, stage and how fast they came", () => {
  const refusal = { status: "RESOURCE_EXHAUSTED", reason: "DEADLINE_UNREACHABLE", stage: "admit" };
  const result = resultOf(
    filled((records, i) => {
      records.outcome[i] = "refused";
      records.ending[i] = i % 4 === 0 ? { ...refusal, stage: "queue" } : refusal;
      records.endMs[i] = i % 4 === 0 ? 60 : 1;
    }),
  );
  expect(result.goodput).toBe(0);
  expect(result.latencyMs).toBeUndefined();
  expect(Object.keys(result.byReason).toSorted()).toEqual([
    "RESOURCE_EXHAUSTED DEADLINE_UNREACHABLE admit",
    "RESOURCE_EXHAUSTED DEADLINE_UNREACHABLE queue",
  ]);
  expect(result.refusals?.ms.p50).toBe(1);
  expect(result.refusals?.onArrival).toBeCloseTo(0.75, 1);
  expect(result.refusals?.within5Ms).toBe(result.refusals?.onArrival);
});

test("a run counts when the generator was in time", () => {
  expect(resultOf(filled(({ latenessMs }, i) => (latenessMs[i] = 0.9)))).toMatchObject({ valid: true, invalidBecause: [] });
});

test("a run is rejected when more than one call in a hundred was sent late, or the generator's core was busy", () => {
  expect(resultOf(filled(({ latenessMs }, i) => (latenessMs[i] = i % 50 === 0 ? 3 : 0.1)))).toMatchObject({
    valid: false,
    invalidBecause: [expect.stringContaining("late: p99 3.00 ms")],
  });
  expect(
    resultOf(
      filled(() => {}),
      0.71,
    ),
  ).toMatchObject({ valid: false, invalidBecause: [expect.stringContaining("71 % of a core")] });
});
