import { expect, test } from "@jest/globals";
import type { GateRule } from "../../../../src/engine/queue-policy.ts";
import { average, runAll } from "./average.ts";
import { CPU } from "./profiles.ts";

/** Four instances and a longest wait of 20 ms. */
const GATED = { profile: CPU, lanes: 4, count: 6000 };

/** Median time from arrival to answer, in milliseconds. */
async function medianMs(load: number, maxQueueDelayMs: number, gate: GateRule): Promise<number> {
  const outcomes = await runAll({ ...GATED, load, options: { maxQueueDelayMs, gate } });
  const medians = outcomes.map(({ fates }) => {
    const times = fates.map(({ arrival, answeredAt }) => answeredAt - arrival.at).toSorted((a, b) => a - b);
    return times[times.length >> 1]!;
  });
  return medians.reduce((sum, median) => sum + median, 0) / medians.length;
}

// Simulated: 17.3 -> 15.7 ms at a load of 0.3, 25.7 -> 22.1 ms at 0.6; the fixed wait 40.4 and 52.5 ms.
test.each([
  [0.3, 16.5],
  [0.6, 23.5],
])("S15: at a load of %d the predicted wait makes answers faster, the fixed one slower", async (load, most) => {
  const [off, auto, fixed] = await Promise.all([medianMs(load, 0, "auto"), medianMs(load, 20, "auto"), medianMs(load, 20, "fixed")]);
  expect(auto).toBeLessThanOrEqual(off);
  expect(auto).toBeLessThanOrEqual(most);
  expect(fixed).toBeGreaterThan(off);
});

test("S15: under overload the wait changes nothing", async () => {
  const [off, auto] = await Promise.all([0, 20].map((maxQueueDelayMs) => average({ ...GATED, load: 1.3, options: { maxQueueDelayMs } })));
  expect(Math.abs(auto!.goodput - off!.goodput)).toBeLessThanOrEqual(0.005);
  expect(auto!.goodput).toBeGreaterThanOrEqual(0.73);
});
