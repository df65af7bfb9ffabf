import { describe, expect, test } from "@jest/globals";
import { PLAIN_QUEUE } from "../../../../src/engine/queue-policy.ts";
import type { QueueOptions } from "../../../../src/engine/scheduler/queue-options.ts";
import type { SchedulingRules } from "../../../../src/engine/scheduler/rules.ts";
import type { Draw } from "./arrivals.ts";
import type { Cell } from "./average.ts";
import { average } from "./average.ts";
import type { Profile } from "./profiles.ts";
import { BL, knownLatency, RN } from "./profiles.ts";

async function goodputOf(profile: Profile, options: Partial<QueueOptions>, more: Partial<Cell> = {}): Promise<number> {
  return (await average({ profile, load: 1.3, options, ...more })).goodput;
}

test.each([
  ["RN", RN, 0.25],
  ["BL", BL, 0.55],
])("S7: without the efficiency floor one tight request after the other shrinks the batches (%s)", async (_, profile, most) => {
  expect(await goodputOf(profile, { admission: "off", rules: { efficiencyFloor: 0 } })).toBeLessThanOrEqual(most);
  expect(await goodputOf(profile, { admission: "off" })).toBeGreaterThanOrEqual(0.73);
});

test.each([
  [1, 0.7],
  [4, 0.6],
])("S8: predictions ten per cent low are a cliff, thirty per cent high cost little (%i lanes)", async (lanes, cliff) => {
  const [low, usual, high] = await Promise.all(
    [0.9, 1.06, 1.3].map((ratio) => goodputOf(RN, { latency: knownLatency(RN, ratio) }, { lanes, count: 8000, seeds: 2 })),
  );
  expect(low).toBeLessThanOrEqual(cliff);
  expect(Math.abs(high! - usual!)).toBeLessThanOrEqual(0.015);
});

/** @param highShare of the requests that come on the higher level. */
function levels(highShare: number, isMixed: boolean): Draw {
  return (random) => ({
    rows: 1,
    sloMs: isMixed ? RN.sloMs * (random() < 0.5 ? 0.6 : 2) : RN.sloMs,
    priority: random() < highShare ? 1 : 2,
  });
}

function cell(draw: Draw, rules: Partial<SchedulingRules> = {}): Cell {
  return { profile: RN, load: 1.3, draw, options: { queue: { ...PLAIN_QUEUE, levels: 2, defaultLevel: 2 }, rules } };
}

describe("two levels", () => {
  test("S12: few requests of the high level hardly notice the others", async () => {
    const { goodput } = await average(cell(levels(0.2, false)), ({ priority }) => priority === 1);
    expect(goodput).toBeGreaterThanOrEqual(0.97);
  });

  test("S12: many requests of the high level leave the lower one its share, because one batch in eight is its", async () => {
    const low = await Promise.all(
      [8, Infinity].map((guardEvery) => average(cell(levels(0.9, false), { guardEvery }), ({ priority }) => priority === 2)),
    );
    expect(low[0]!.goodput).toBeGreaterThanOrEqual(0.05);
    expect(low[1]!.goodput).toBeLessThan(0.03);
  });

  test("S13: nobody rides in a batch that is too long for him", async () => {
    const [checked, unchecked] = await Promise.all([true, false].map((checksRiders) => average(cell(levels(0.3, true), { checksRiders }))));
    expect(checked!.late).toBeLessThanOrEqual(0.005);
    expect(unchecked!.late).toBeGreaterThanOrEqual(0.02);
  });
});
