import { expect, test } from "@jest/globals";
import { Gate, opensAt } from "../../../src/engine/scheduler/gate.ts";
import { createManualClock } from "./manual-clock.ts";

const NOBODY = { since: 1000, earliestDeadline: Infinity, earliestStartBy: Infinity };

test.each([
  ["the longest wait", NOBODY, 1050],
  ["two full runs before the earliest deadline", { ...NOBODY, earliestDeadline: 1060 }, 1039],
  ["just before the earliest latest start", { ...NOBODY, earliestStartBy: 1030 }, 1028],
  ["whatever comes first", { since: 1000, earliestDeadline: 1040, earliestStartBy: 1030 }, 1019],
])("a gate opens after %s", (_, waiting, expected) => {
  expect(opensAt(waiting, 50, 10)).toBe(expected);
});

test("a gate opens once, at the earliest time asked for", () => {
  const clock = createManualClock();
  const opened: number[] = [];
  const start = clock.now();
  const gate = new Gate(clock, () => opened.push(clock.now() - start));
  gate.arm(start + 20, start);
  gate.arm(start + 10, start);
  gate.arm(start + 30, start);
  expect(clock.timerCount).toBe(1);
  clock.advance(50);
  expect(opened).toEqual([10]);
  gate.arm(start + 60, clock.now());
  gate.disarm();
  clock.advance(50);
  expect(opened).toEqual([10]);
  gate.arm(start + 110, clock.now());
  clock.advance(50);
  expect(opened).toEqual([10, 110]);
});

test("less than a millisecond is not waited for: a timer would make more of it", () => {
  const waiting = { since: 5, earliestDeadline: Infinity, earliestStartBy: Infinity };
  expect(opensAt(waiting, 0.9, 1)).toBe(5);
  expect(opensAt(waiting, 2.9, 1)).toBe(7);
});
