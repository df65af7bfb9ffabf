import { describe, expect, test } from "@jest/globals";
import { mixed, plain, poisson } from "./arrivals.ts";
import { average } from "./average.ts";
import type { Profile } from "./profiles.ts";
import { BL, capacityPerMs, CPU, RN } from "./profiles.ts";
import { createRandom } from "./random.ts";
import { simulate, summarize } from "./simulate.ts";

const PROFILES = { RN, BL };

test.each([
  ["RN", RN],
  ["BL", BL],
])("S0: told no deadlines, first come, first served collapses at 1.3 x (%s)", async (_, profile) => {
  const { goodput } = await average({ profile, load: 1.3, count: 6000, tellsDeadlines: false, options: { admission: "off" } });
  expect(goodput).toBeLessThanOrEqual(0.05);
});

describe("S1, S2, S3: goodput at 0.85 x, 1.3 x and 2 x; S5: late answers; S6: refusals are fast", () => {
  const cells: (readonly [string, number, "one" | "mixed", number, number])[] = [];
  for (const lanes of [1, 4]) {
    for (const deadlines of ["one", "mixed"] as const) {
      for (const name of ["RN", "BL"]) {
        const below = { RN: { one: 0.99, mixed: 0.96 }, BL: { one: 0.98, mixed: 0.95 } }[name as "RN" | "BL"][deadlines];
        cells.push([name, lanes, deadlines, 0.85, below], [name, lanes, deadlines, 1.3, 0.73], [name, lanes, deadlines, 2, 0.475]);
      }
    }
  }

  test.each(cells)("%s, %i lanes, %s, %d x: at least %d", async (name, lanes, deadlines, load, least) => {
    const profile: Profile = PROFILES[name as keyof typeof PROFILES];
    const draw = deadlines === "one" ? plain(profile.sloMs) : mixed(profile.sloMs);
    const { goodput, late, onArrival, rejectMs } = await average({ profile, lanes, load, draw, count: 3000 });
    expect(goodput).toBeGreaterThanOrEqual(least);
    expect(late).toBeLessThanOrEqual(0.01);
    if (load < 1) return;
    // A mix is refused later: who has much time is let in and makes room for those in a hurry.
    expect(onArrival).toBeGreaterThanOrEqual(deadlines === "one" ? 0.75 : 0.7);
    // BL's batch of sixteen takes 56 ms; the bound is that of RN for its own, 9.8 ms.
    const slower = profile === BL ? 2 : 1;
    expect(rejectMs).toBeLessThanOrEqual((deadlines === "one" ? 5 : 15) * slower);
  });
});

test.each([0.6, 1.3, 5])("a deadline that full batches cannot meet is met by smaller ones, at %d x", async (load) => {
  const profile: Profile = { runMs: (rows) => 5 + 2.8 * rows, maxBatchSize: 32, sloMs: 80 };
  const { goodput, late } = await average({ profile, load, count: 3000 });
  expect(goodput).toBeGreaterThanOrEqual(Math.min(0.97, 0.9 / load));
  expect(late).toBeLessThanOrEqual(0.01);
});

test.each([
  ["RN", RN, 1, "strict", 0.68],
  ["BL", BL, 1, "strict", 0.75],
  ["BL", BL, 4, "lenient", 0.79],
] as const)("S4: bursts of mean 0.6 x with two kinds of deadline: %s, %#", async (_, profile, lanes, admission, least) => {
  const { goodput, late } = await average({
    profile,
    lanes,
    load: 0.6,
    isBursty: true,
    draw: mixed(profile.sloMs),
    count: 4000,
    seeds: 10,
    options: { admission },
  });
  expect(goodput).toBeGreaterThanOrEqual(least);
  expect(late).toBeLessThanOrEqual(0.01);
});

test.each([
  ["RN", RN, 0.92, "strict"],
  ["CPU", CPU, 0.95, "strict"],
  ["BL", BL, 0.8, "strict"],
  ["BL", BL, 0.85, "lenient"],
] as const)("S10: %s serves 99 %% at %d x (%s)", async (_, profile, load, admission) => {
  expect((await average({ profile, load, options: { admission } })).goodput).toBeGreaterThanOrEqual(0.99);
});

test("S11: five seconds at 1.5 x between two at 0.5 x cost what they must, and nothing afterwards", async () => {
  const perMs = capacityPerMs(RN);
  for (const seed of [1, 2]) {
    const random = createRandom(seed);
    const rate = (at: number): number => perMs * (at >= 2000 && at < 7000 ? 1.5 : 0.5);
    const arrivals = poisson(random, Math.round(perMs * 9500), rate, plain(RN.sloMs));
    const outcome = await simulate({ profile: RN, arrivals, random });
    const step = summarize(outcome, ({ at }) => at >= 2000 && at < 7000);
    expect(step.goodput).toBeGreaterThanOrEqual(0.63);
    const lastFailure = Math.max(...outcome.fates.filter((fate) => fate.outcome !== "ok").map(({ arrival }) => arrival.at));
    expect(lastFailure - 7000).toBeLessThanOrEqual(60);
  }
});

test.each([
  ["RN", RN, 0.85, 0.97],
  ["RN", RN, 1.3, 0.75],
  ["BL", BL, 0.85, 0.895],
  ["BL", BL, 1.3, 0.72],
] as const)("S14: requests of one to eight rows: %s at %d x", async (_, profile, load, least) => {
  const { goodput } = await average({
    profile,
    load,
    meanRows: 4.5,
    draw: (random) => ({ rows: 1 + Math.floor(8 * random()), sloMs: profile.sloMs, priority: 0 }),
  });
  expect(goodput).toBeGreaterThanOrEqual(least);
});
