// Models that share a device: tokens in flight over all of them, who gets the next one, and runs that do not give theirs back.

import { afterEach, describe, expect, test } from "@jest/globals";
import { array, assert, asyncProperty, constant, constantFrom, integer, nat, oneof, record } from "fast-check";
import type { Engine } from "../../../src/engine/engine.ts";
import type { Device } from "../../../src/engine/scheduler/executor.ts";
import { LatencyModel } from "../../../src/engine/scheduler/latency-model.ts";
import type { QueueOptions } from "../../../src/engine/scheduler/queue-options.ts";
import { ServiceError } from "../../../src/errors.ts";
import { createScheduler } from "../../../src/engine/scheduler/scheduler.ts";
import type { Clock } from "../../../src/lib/clock.ts";
import type { FakeRun } from "./fake-instance.ts";
import { createFakeInstance, createLane, endCalls, finishAll, queueOptions, rowsOf, send, settle } from "./fake-instance.ts";
import { createManualClock } from "./manual-clock.ts";

afterEach(endCalls);

const GPU: Omit<Device, "tokens"> = { name: "gpu", outlivesHungRuns: false };
const CPU: Omit<Device, "tokens"> = { name: "cpu", outlivesHungRuns: true };

interface Models {
  readonly engines: readonly Engine[];
  /** Batches of all models in the order of hand-over. */
  readonly runs: FakeRun[];
}

/** Models of one row a run on one device, each on lanes of its own. */
function setUpModels(
  device: Device,
  { models = 2, lanes = 1, tokens = 1, clock, options }: Partial<Wanted> & { readonly clock?: Clock } = {},
): Models {
  const runs: FakeRun[] = [];
  const scheduler = createScheduler(clock);
  const engines = Array.from({ length: models }, () => {
    const instances = Array.from({ length: lanes }, () => ({ ...createFakeInstance(createLane(), runs), device, tokens }));
    return scheduler.createEngine(queueOptions(instances, { maxBatchSize: 1, ...options }));
  });
  return { engines, runs };
}

interface Wanted {
  readonly models: number;
  readonly lanes: number;
  readonly tokens: number;
  readonly options: Partial<QueueOptions>;
}

/** Every size takes this long. */
function takes(ms: number): LatencyModel {
  const latency = new LatencyModel();
  for (const rows of [1, 4]) latency.record(rows, ms, 1e9);
  return latency;
}

const valuesOf = (runs: readonly FakeRun[]) => runs.map(({ values }) => values[0]);

describe("tokens", () => {
  test("in flight never exceed the cap over two models, none idles beside waiting work, and every row comes home", async () => {
    const step = oneof(
      record({ kind: constant("send"), model: nat(1), deadline: nat(50) }),
      record({ kind: constantFrom("finish", "fail"), run: nat(5) }),
    );
    await assert(
      asyncProperty(array(step, { maxLength: 60 }), integer({ min: 1, max: 3 }), async (steps, tokens) => {
        const { engines, runs } = setUpModels({ ...GPU, tokens }, { lanes: 3, options: { maxBatchSize: 2 } });
        const open = new Set<FakeRun>();
        const answers: Promise<unknown>[] = [];
        let seen = 0;
        const check = (): void => {
          for (; seen < runs.length; seen++) open.add(runs[seen]!);
          expect(open.size).toBeLessThanOrEqual(tokens);
          const waiting = engines.reduce((rows, engine) => rows + engine.statistics().queuedRows, 0);
          if (waiting > 0) expect(open.size).toBe(tokens);
        };
        const base = performance.now() + 1e8;
        for (const [value, given] of steps.entries()) {
          if ("model" in given) {
            const { result } = send(engines[given.model]!, [value], { deadline: base + given.deadline });
            answers.push(
              result.then(
                (answer) => expect(rowsOf(answer)).toEqual([value + 1]),
                (error: unknown) => expect(error).toMatchObject({ reason: "MODEL_RUN_FAILED" }),
              ),
            );
          } else {
            const run = [...open][given.run % Math.max(1, open.size)];
            if (run === undefined) continue;
            open.delete(run);
            if (given.kind === "finish") run.finish();
            else run.fail(new Error("no"));
            await settle();
          }
          check();
        }
        while (open.size > 0) {
          const [run] = open;
          open.delete(run!);
          run!.finish();
          await settle();
          check();
        }
        await Promise.all(answers);
      }),
      { numRuns: 60 },
    );
  });

  test("that become free go to the most urgent work of all lanes, not to the lane that had them", async () => {
    const { engines, runs } = setUpModels({ ...GPU, tokens: 1 }, { models: 3 });
    const base = performance.now() + 1e8;
    send(engines[0]!, [0], { deadline: base });
    send(engines[0]!, [1], { deadline: base + 30 });
    send(engines[1]!, [100], { deadline: base + 20 });
    send(engines[2]!, [200], { deadline: base + 10 });
    send(engines[1]!, [101], { deadline: base + 40 });
    await finishAll(runs);
    expect(valuesOf(runs)).toEqual([0, 200, 100, 1, 101]);
  });

  test("are not kept by a model whose work is always more urgent", async () => {
    const { engines, runs } = setUpModels({ ...GPU, tokens: 1 });
    const base = performance.now() + 1e8;
    for (let value = 0; value < 20; value++) send(engines[0]!, [value], { deadline: base });
    send(engines[1]!, [100], { deadline: base + 1000 });
    await finishAll(runs);
    expect(valuesOf(runs).indexOf(100)).toBeLessThanOrEqual(5);
    expect(runs).toHaveLength(21);
  });

  test("limit nobody where there is one for every lane", () => {
    const { engines, runs } = setUpModels({ ...CPU, tokens: 2 });
    for (const [index, engine] of engines.entries()) send(engine, [index]);
    expect(valuesOf(runs)).toEqual([0, 1]);
  });

  test("of which a run takes several: it waits for the first one only, and others wait for all it took", async () => {
    const { engines, runs } = setUpModels({ ...CPU, tokens: 4 }, { models: 3, tokens: 3 });
    for (const [index, engine] of engines.entries()) send(engine, [index]);
    expect(valuesOf(runs)).toEqual([0, 1]);
    runs[0]!.finish();
    await settle();
    expect(valuesOf(runs)).toEqual([0, 1, 2]);
  });

  test("a lane that could take more than there are takes what there is", async () => {
    const { engines, runs } = setUpModels({ ...CPU, tokens: 2 }, { tokens: 8 });
    for (const [index, engine] of engines.entries()) send(engine, [index]);
    expect(valuesOf(runs)).toEqual([0]);
    expect(await finishAll(runs)).toHaveLength(2);
  });

  test("come back when the worker is lost", async () => {
    const { engines, runs } = setUpModels({ ...GPU, tokens: 1 });
    const lost = send(engines[0]!, [0]);
    send(engines[1]!, [100]);
    runs[0]!.fail(new Error("gone"));
    await expect(lost.result).rejects.toMatchObject({ reason: "MODEL_RUN_FAILED" });
    expect(valuesOf(runs)).toEqual([0, 100]);
  });

  test("of a model that has been unloaded are there for the others", async () => {
    const { engines, runs } = setUpModels({ ...GPU, tokens: 1 });
    const last = send(engines[0]!, [0]);
    send(engines[1]!, [100]);
    const closed = engines[0]!.close();
    runs[0]!.finish();
    await last.result;
    await closed;
    expect(valuesOf(runs)).toEqual([0, 100]);
    send(engines[1]!, [101]);
    expect(await finishAll(runs, 1)).toHaveLength(3);
  });
});

describe("a batch behind another one", () => {
  test("takes over its token", async () => {
    const { engines, runs } = setUpModels({ ...GPU, tokens: 1 }, { options: { latency: takes(2) } });
    for (const value of [0, 1, 2]) send(engines[0]!, [value]);
    expect(valuesOf(runs)).toEqual([0, 1]);
    send(engines[1]!, [100]);
    runs[0]!.finish();
    await settle();
    expect(valuesOf(runs)).toEqual([0, 1]);
    runs[1]!.finish();
    await settle();
    expect(runs).toHaveLength(3);
  });

  test("is not put there while another model waits for the device", async () => {
    const { engines, runs } = setUpModels({ ...GPU, tokens: 1 }, { options: { latency: takes(2) } });
    send(engines[0]!, [0]);
    send(engines[1]!, [100]);
    send(engines[0]!, [1]);
    expect(valuesOf(runs)).toEqual([0]);
    expect(await finishAll(runs)).toHaveLength(3);
  });

  test("has to be on the same device", async () => {
    const runs: FakeRun[] = [];
    const lane = createLane();
    const scheduler = createScheduler();
    const [onCpu, onGpu] = [CPU, GPU].map((device) => {
      const instance = { ...createFakeInstance(lane, runs), device: { ...device, tokens: 1 } };
      return scheduler.createEngine(queueOptions([instance], { maxBatchSize: 1, latency: takes(2) }));
    });
    send(onCpu!, [0]);
    send(onGpu!, [100]);
    expect(valuesOf(runs)).toEqual([0]);
    runs[0]!.finish();
    await settle();
    expect(valuesOf(runs)).toEqual([0, 100]);
  });
});

describe("a run that hangs", () => {
  test("keeps its token; the others of the device go on with what is left", async () => {
    const clock = createManualClock();
    const { engines, runs } = setUpModels({ ...GPU, tokens: 2 }, { models: 3, clock, options: { latency: takes(10) } });
    send(engines[0]!, [0]);
    clock.advance(2000);
    for (const value of [100, 101]) send(engines[1]!, [value]);
    send(engines[2]!, [200]);
    expect(valuesOf(runs)).toEqual([0, 100]);
    await finishAll(runs, 1);
    expect(valuesOf(runs)).toEqual([0, 100, 101, 200]);
    expect(engines.map((engine) => engine.statistics().scheduling?.isDegraded)).toEqual([true, false, false]);
  });

  test("with the last token of a graphics processor: who cannot wait is told so, who can waits for its end", async () => {
    const clock = createManualClock();
    const { engines, runs } = setUpModels({ ...GPU, tokens: 1 }, { clock, options: { latency: takes(10) } });
    send(engines[0]!, [0]);
    clock.advance(2000);
    await expect(send(engines[1]!, [100], { deadline: clock.now() + 500 }).result).rejects.toMatchObject({ reason: "MODEL_STALLED" });
    const patient = send(engines[1]!, [101], { deadline: clock.now() + 60_000 });
    expect(valuesOf(runs)).toEqual([0]);
    runs[0]!.finish();
    await settle();
    runs[1]!.finish();
    expect(rowsOf(await patient.result)).toEqual([102]);
  });

  test("with the last token of the CPU: others go on as soon as it counts as hung, one at a time", async () => {
    const clock = createManualClock();
    const { engines, runs } = setUpModels({ ...CPU, tokens: 1 }, { models: 3, clock, options: { latency: takes(10) } });
    send(engines[0]!, [0]);
    for (const [index, engine] of engines.slice(1).entries()) send(engine, [100 + index]);
    clock.advance(1000);
    expect(valuesOf(runs)).toEqual([0]);
    clock.advance(1);
    expect(valuesOf(runs)).toEqual([0, 100]);
    runs[1]!.finish();
    await settle();
    expect(valuesOf(runs)).toEqual([0, 100, 101]);
    const { result } = send(engines[1]!, [102], { deadline: clock.now() + 50 });
    runs[2]!.finish();
    await settle();
    runs[3]!.finish();
    expect(rowsOf(await result)).toEqual([103]);
  });
});

describe("the forecast on arrival", () => {
  const UNREACHABLE = { reason: "DEADLINE_UNREACHABLE" };

  test("knows that an idle lane without a token is not free", async () => {
    const clock = createManualClock();
    const { engines, runs } = setUpModels({ ...GPU, tokens: 1 }, { clock, options: { latency: takes(10) } });
    send(engines[0]!, [0]);
    await expect(send(engines[1]!, [100], { deadline: clock.now() + 15 }).result).rejects.toMatchObject(UNREACHABLE);
    const { result } = send(engines[1]!, [101], { deadline: clock.now() + 25 });
    clock.advance(10);
    runs[0]!.finish();
    await settle();
    runs[1]!.finish();
    expect(rowsOf(await result)).toEqual([102]);
  });

  test("counts lanes only as far as their runs fit side by side", async () => {
    const clock = createManualClock();
    const { engines } = setUpModels({ ...GPU, tokens: 2 }, { models: 1, lanes: 4, clock, options: { latency: takes(10) } });
    for (let value = 0; value < 4; value++) send(engines[0]!, [value], { deadline: clock.now() + 25 });
    // Two run, two wait: a fifth would be done after 30 ms, with four lanes after 20 ms.
    await expect(send(engines[0]!, [4], { deadline: clock.now() + 28 }).result).rejects.toMatchObject(UNREACHABLE);
    void send(engines[0]!, [5], { deadline: clock.now() + 33 });
    expect(engines[0]!.statistics().queuedRows).toBe(3);
  });

  test("counts what other models have waiting for the device, as far as it is more urgent", async () => {
    const clock = createManualClock();
    const { engines } = setUpModels({ ...GPU, tokens: 1 }, { clock, options: { latency: takes(10) } });
    for (let value = 0; value < 5; value++) send(engines[0]!, [value], { deadline: clock.now() + 58 });
    expect(engines[0]!.statistics().queuedRows).toBe(4);
    await expect(send(engines[1]!, [100], { deadline: clock.now() + 59 }).result).rejects.toMatchObject(UNREACHABLE);
    void send(engines[1]!, [101], { deadline: clock.now() + 25 });
    expect(engines[1]!.statistics().queuedRows).toBe(1);
  });
});

test("a batch that fails before its turn comes does not end the run in front of it", async () => {
  const clock = createManualClock();
  const runs: FakeRun[] = [];
  const scheduler = createScheduler(clock);
  const device = { ...GPU, tokens: 2 };
  const lane = createLane();
  const options = { maxBatchSize: 1, latency: takes(2) };
  const first = scheduler.createEngine(queueOptions([{ ...createFakeInstance(lane, runs), device, tokens: 2 }], options));
  const lost = { lane, device, tokens: 1, run: () => Promise.reject(new ServiceError("WORKER_LOST", "lost")) };
  const second = scheduler.createEngine(queueOptions([lost], options));
  const answer = send(first, [1]);
  await expect(send(second, [2]).result).rejects.toHaveProperty("reason", "WORKER_LOST");
  expect(scheduler.statistics()).toMatchObject({ lanes: [{ inFlight: 1 }], devices: [{ tokensInFlight: 2 }] });
  clock.advance(1500);
  expect(first.statistics().scheduling?.isDegraded).toBe(true);
  runs[0]!.finish();
  expect(rowsOf(await answer.result)).toEqual([2]);
  expect(scheduler.statistics()).toMatchObject({ lanes: [{ inFlight: 0 }], devices: [{ tokensInFlight: 0 }] });
});
