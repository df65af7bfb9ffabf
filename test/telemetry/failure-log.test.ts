// Failures get a line each while they are few, and a count when they are many.

import { expect, test } from "@jest/globals";
import { createFailureLog } from "../../src/telemetry/failure-log.ts";
import type { FailureLog } from "../../src/telemetry/failure-log.ts";
import type { LogMethod, Logger } from "../../src/telemetry/logger.ts";
import { createManualClock } from "../engine/scheduler/manual-clock.ts";
import type { ManualClock } from "../engine/scheduler/manual-clock.ts";

interface Setup {
  readonly clock: ManualClock;
  readonly lines: unknown[];
  readonly log: FailureLog;
}

function setup(maxPerSecond: number, isVerbose = false): Setup {
  const lines: unknown[] = [];
  const write: LogMethod = (fields: object | string, message?: string) =>
    lines.push(message === undefined ? fields : { ...Object(fields), message });
  const logger: Logger = { debug: write, info: write, warn: write, error: write, isVerbose, child: () => logger };
  const clock = createManualClock();
  return { clock, lines, log: createFailureLog(logger, maxPerSecond, clock) };
}

test("the first failures of a second get lines; one line counts the rest of each reason", () => {
  const { clock, lines, log } = setup(2);
  const admitted = Array.from({ length: 5 }, () => log.admits("DEADLINE_UNREACHABLE"));
  expect(admitted).toEqual([true, true, false, false, false]);
  expect(log.admits("INPUT_MISSING")).toBe(true);
  expect(lines).toEqual([]);
  clock.advance(1000);
  expect(lines).toEqual([{ reason: "DEADLINE_UNREACHABLE", count: 3, message: "further calls" }]);
});

test("every second begins anew, and a quiet one has no timer", () => {
  const { clock, lines, log } = setup(1);
  expect([log.admits("QUEUE_FULL"), log.admits("QUEUE_FULL")]).toEqual([true, false]);
  clock.advance(1000);
  expect(clock.timerCount).toBe(0);
  expect([log.admits("QUEUE_FULL"), log.admits("QUEUE_FULL")]).toEqual([true, false]);
  clock.advance(1000);
  expect(lines).toEqual([
    { reason: "QUEUE_FULL", count: 1, message: "further calls" },
    { reason: "QUEUE_FULL", count: 1, message: "further calls" },
  ]);
});

test("a server that stops writes the counts of its last second", () => {
  const { clock, lines, log } = setup(0);
  expect(log.admits("QUEUE_FULL")).toBe(false);
  log.close();
  expect(lines).toEqual([{ reason: "QUEUE_FULL", count: 1, message: "further calls" }]);
  expect(clock.timerCount).toBe(0);
});

test("at debug every failure gets its line, and none is counted twice", () => {
  const { clock, lines, log } = setup(1, true);
  expect([log.admits("QUEUE_FULL"), log.admits("QUEUE_FULL")]).toEqual([true, true]);
  clock.advance(1000);
  expect(lines).toEqual([]);
});
