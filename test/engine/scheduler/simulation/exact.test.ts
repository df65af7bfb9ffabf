import { expect, test } from "@jest/globals";
import { createScheduler } from "../../../../src/engine/scheduler/scheduler.ts";
import type { FakeRun } from "../fake-instance.ts";
import { createFakeInstance, createLane, endCalls, queueOptions, send, settle } from "../fake-instance.ts";
import { mixed, plain, poisson } from "./arrivals.ts";
import { capacityPerMs, knownLatency, RN } from "./profiles.ts";
import { createRandom } from "./random.ts";
import type { Outcome } from "./simulate.ts";
import { simulate } from "./simulate.ts";

function overloaded(seed: number): Promise<Outcome> {
  const random = createRandom(seed);
  return simulate({ profile: RN, arrivals: poisson(random, 3000, 1.3 * capacityPerMs(RN), mixed(RN.sloMs)), random });
}

test("the same seed leaves the same trace, another seed another one", async () => {
  const [first, again, other] = [await overloaded(1), await overloaded(1), await overloaded(2)];
  expect(again.trace).toEqual(first.trace);
  expect(again.fates).toEqual(first.fates);
  expect(other.trace).not.toEqual(first.trace);
});

test("an event loop that stands still for 50 ms leads to drops; late are only those who were in the run at that time", async () => {
  const random = createRandom(1);
  const arrivals = poisson(random, 6000, 0.85 * capacityPerMs(RN), plain(RN.sloMs));
  const at = 1000;
  const { fates } = await simulate({ profile: RN, arrivals, random, stall: { at, ms: 50 } });
  const late = fates.filter(({ outcome }) => outcome === "late");
  expect(late.length).toBeLessThanOrEqual(RN.maxBatchSize);
  expect(late.every(({ arrival }) => arrival.at < at)).toBe(true);
  const dropped = fates.filter(({ outcome, arrival }) => outcome !== "ok" && arrival.at < at + 50);
  expect(dropped.length).toBeGreaterThan(late.length);
  // Nobody who came later suffers for long.
  expect(fates.filter(({ outcome, arrival }) => outcome !== "ok" && arrival.at > at + 100)).toEqual([]);
});

test("two models never have more batches in flight on their lane than it holds", async () => {
  const random = createRandom(1);
  const lane = createLane();
  const runs: FakeRun[] = [];
  const scheduler = createScheduler();
  // Short runs, so that a second batch is handed over behind the first.
  const short = { ...RN, runMs: () => 1 };
  const engines = [0, 1].map(() =>
    scheduler.createEngine(queueOptions([createFakeInstance(lane, runs)], { maxBatchSize: 2, latency: knownLatency(short) })),
  );
  let done = 0;
  let most = 0;
  for (let i = 0; i < 500; i++) {
    if (random() < 0.6) void send(engines[random() < 0.5 ? 0 : 1]!, [i]);
    else if (done < runs.length) {
      runs[done++]!.finish();
      await settle();
    }
    most = Math.max(most, runs.length - done);
  }
  expect(most).toBe(2);
  while (done < runs.length) {
    runs[done++]!.finish();
    await settle();
    expect(runs.length - done).toBeLessThanOrEqual(2);
  }
  expect(runs.flatMap(({ values }) => values).length).toBeGreaterThan(200);
  endCalls();
});
