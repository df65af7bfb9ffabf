// Models that share a worker: none holds it for itself, and the more urgent work of another one is not put off.

import { afterEach, expect, test } from "@jest/globals";
import type { Engine } from "../../../src/engine/engine.ts";
import { LatencyModel } from "../../../src/engine/scheduler/latency-model.ts";
import { createScheduler } from "../../../src/engine/scheduler/scheduler.ts";
import type { FakeRun } from "./fake-instance.ts";
import { createFakeInstance, createLane, endCalls, finishAll, queueOptions, send, settle } from "./fake-instance.ts";

afterEach(endCalls);

/** Two models with runs short enough to be staged, on one lane. Values of 100 and more are the second one's. */
function setUpTwo(): { readonly busy: Engine; readonly other: Engine; readonly runs: FakeRun[] } {
  const runs: FakeRun[] = [];
  const scheduler = createScheduler();
  const lane = createLane();
  const latency = new LatencyModel();
  latency.record(1, 1);
  const make = () => scheduler.createEngine(queueOptions([createFakeInstance(lane, runs)], { maxBatchSize: 1, latency }));
  return { busy: make(), other: make(), runs };
}

test("a model with full batches does not starve another one", async () => {
  const { busy, other, runs } = setUpTwo();
  for (let value = 0; value < 40; value++) void send(busy, [value]);
  const waiting = send(other, [100]);
  await finishAll(runs);
  await waiting.result;
  const place = runs.findIndex(({ values }) => values[0] === 100);
  expect(place).toBeLessThanOrEqual(6);
});

test("more urgent work of another model goes next, even when full batches wait", async () => {
  const { busy, other, runs } = setUpTwo();
  for (let value = 0; value < 8; value++) void send(busy, [value]);
  void send(other, [100], { deadline: performance.now() + 10_000 });
  runs[0]!.finish();
  runs[1]!.finish();
  await settle();
  expect(runs[2]!.values).toEqual([100]);
});

test("nothing is staged while another model waits, so that it can be overtaken", async () => {
  const { busy, other, runs } = setUpTwo();
  void send(busy, [0]);
  void send(busy, [1]);
  void send(other, [100]);
  void send(busy, [2]);
  expect(runs.map(({ values }) => values[0])).toEqual([0, 1]);
  runs[0]!.finish();
  await settle();
  expect(runs).toHaveLength(2);
});

test("alone on its lane a model stages as before", () => {
  const { busy, runs } = setUpTwo();
  for (let value = 0; value < 4; value++) void send(busy, [value]);
  expect(runs).toHaveLength(2);
});

test("a model that has had its turns runs on when nobody else is ready", async () => {
  const { busy, runs } = setUpTwo();
  for (let value = 0; value < 20; value++) void send(busy, [value]);
  expect(await finishAll(runs)).toHaveLength(20);
});

test("of three models the least urgent one has its turns too, while the others take theirs", async () => {
  const runs: FakeRun[] = [];
  const scheduler = createScheduler();
  const lane = createLane();
  const [first, second, last] = [0, 1, 2].map(() =>
    scheduler.createEngine(queueOptions([createFakeInstance(lane, runs)], { maxBatchSize: 1 })),
  );
  const base = performance.now() + 1e8;
  for (let i = 0; i < 50; i++) void send(first!, [i], { deadline: base });
  for (let i = 0; i < 50; i++) void send(second!, [1000 + i], { deadline: base + 1 });
  void send(last!, [5000], { deadline: base + 1000 });
  for (let i = 0; i < runs.length; i++) {
    runs[i]!.finish();
    await settle();
  }
  expect(runs).toHaveLength(101);
  expect(runs.findIndex(({ values }) => values[0] === 5000)).toBeLessThanOrEqual(20);
});
