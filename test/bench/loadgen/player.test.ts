// Playing a schedule: nothing is skipped, whatever the transport does, and a slow generator finds itself out.

import { expect, test } from "@jest/globals";

import type { Call, Ending } from "../../../bench/loadgen/call.ts";
import { playSchedule } from "../../../bench/loadgen/player.ts";
import type { Played } from "../../../bench/loadgen/player.ts";
import { makeSchedule } from "../../../bench/loadgen/schedule.ts";
import { summarise } from "../../../bench/loadgen/summary.ts";
import type { Transport, TransportEvents } from "../../../bench/loadgen/transport.ts";
import { defaultLimits } from "../../../bench/loadgen/validity.ts";

const deadlineMs = 30;
const schedule = scheduleOf(deadlineMs);

function scheduleOf(eachMs: number): ReturnType<typeof makeSchedule> {
  return makeSchedule({
    seed: 3,
    arrivals: { kind: "poisson" },
    rate: 1000,
    seconds: 0.3,
    warmupSeconds: 0,
    deadlinesMs: [{ value: eachMs, weight: 1 }],
    rows: [{ value: 1, weight: 1 }],
    models: [{ value: "m", weight: 1 }],
  });
}

interface FakeServer {
  /** What becomes of a call; undefined for never an answer. */
  readonly ending?: Ending;
  readonly slots?: number;
  /** Time that the generator loses on each turn. */
  readonly busyMs?: number;
  /** What is played; by default the schedule with short deadlines. */
  readonly calls?: typeof schedule;
}

async function play({
  ending,
  slots = Infinity,
  busyMs = 0,
  calls = schedule,
}: FakeServer): Promise<Played & { readonly cancelled: readonly Call[] }> {
  const cancelled: Call[] = [];
  const open = (events: TransportEvents): Promise<Transport> => {
    let inFlight = 0;
    let received = 0;
    return Promise.resolve({
      tryStart(call) {
        if (inFlight >= slots) return false;
        inFlight++;
        call.handle = call.index;
        if (ending !== undefined) {
          setImmediate(() => {
            inFlight--;
            received++;
            events.ended(call, ending);
          });
        }
        return true;
      },
      cancel(call) {
        inFlight--;
        cancelled.push(call);
      },
      flush() {
        for (const until = performance.now() + busyMs; performance.now() < until;);
      },
      receivedCount: () => received,
      connectionCount: () => 1,
      close() {},
    });
  };
  return { ...(await playSchedule(calls, { cancelAtDeadline: true, graceMs: 100 }, open)), cancelled };
}

function resultOf(played: Played): ReturnType<typeof summarise> {
  return summarise(schedule, played, { name: "s", label: "l", target: "t", limits: defaultLimits });
}

test("every call is sent when due, never before, and answered", async () => {
  // A machine that stands still for a moment makes no call late.
  const { records, blockedCount } = await play({ ending: { status: "OK" }, calls: scheduleOf(60_000) });
  expect(records.outcome.every((outcome) => outcome === "ok")).toBe(true);
  expect(blockedCount).toBe(0);
  expect(Math.min(...records.latenessMs)).toBeGreaterThanOrEqual(0);
});

test("calls that nobody answers are reset at their deadline and count as unanswered", async () => {
  const played = await play({});
  expect(resultOf(played)).toMatchObject({ offered: schedule.atMs.length, unanswered: schedule.atMs.length, lateShare: 1 });
  expect(played.cancelled).toHaveLength(schedule.atMs.length);
  expect(Math.min(...played.records.endMs)).toBeGreaterThanOrEqual(deadlineMs);
});

test("a call that finds no slot is never skipped: it waits, and counts as sent late or not at all", async () => {
  const result = resultOf(await play({ slots: 3 }));
  expect(result.unanswered + result.unsent).toBe(schedule.atMs.length);
  expect(result.generator.blockedCount).toBeGreaterThan(schedule.atMs.length / 2);
  expect(result.generator.latenessMs.p99).toBeGreaterThan(deadlineMs / 2);
  expect(result.valid).toBe(false);
});

test("a generator that is slowed on purpose is rejected", async () => {
  const result = resultOf(await play({ ending: { status: "OK" }, busyMs: 6 }));
  expect(result.valid).toBe(false);
  expect(result.invalidBecause[0]).toContain("generator was late");
});
