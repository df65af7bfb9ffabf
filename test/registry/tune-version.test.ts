// `tune: auto`: what is loaded after the sweep, and what happens when there is none.

import { availableParallelism } from "node:os";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { loadConfig } from "../../src/config/load-config.ts";
import type { LoadOptions } from "../../src/engine/backend.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { createRegistry } from "../../src/registry/registry.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import type { TimedBackend, TimedModel } from "../engine/tuning/timed-backend.ts";
import { createTimedBackend } from "../engine/tuning/timed-backend.ts";
import type { ModelRoot } from "./support/model-root.ts";
import { createModelRoot, states } from "./support/model-root.ts";

let models: ModelRoot;
beforeEach(() => {
  models = createModelRoot();
});
afterEach(() => models.remove());

interface SetUp extends TimedBackend {
  readonly registry: Registry;
  /** Lines of the log about tuning. */
  readonly tuned: () => readonly Readonly<Record<string, unknown>>[];
  readonly stop: AbortController;
}

function setUp(model: TimedModel, flags: Readonly<Record<string, unknown>> = {}): SetUp {
  const timed = createTimedBackend(model);
  const config = loadConfig({ flags: { modelDir: models.root, ...flags }, env: {}, cwd: models.base });
  const lines: Readonly<Record<string, unknown>>[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Readonly<Record<string, unknown>>);
  const logger = createLogger({ logLevel: "info", logFormat: "json" }, { write });
  const stop = new AbortController();
  const registry = createRegistry({ config, backends: new Map([["onnxruntime", timed.backend]]), logger, closing: stop.signal });
  return { ...timed, registry, stop, tuned: () => lines.filter(({ msg }) => String(msg).startsWith("tun")) };
}

const FAST: TimedModel = { runMs: () => 0.05 };

/** Loads that may answer callers. */
function served({ loads }: TimedBackend): readonly LoadOptions[] {
  return loads.filter(({ sharesRuns }) => sharesRuns);
}

describe("a sweep", () => {
  test("decides what the model is loaded with, and a line says so", async () => {
    models.put("a/1/model.onnx");
    models.put("a/model.yaml", "tune: auto\nobjectiveMs: 50\n");
    const set = setUp(FAST);
    await set.registry.load();
    expect(states(set.registry, "a")).toEqual(["1 ready"]);
    expect(served(set)).toMatchObject([{ instances: 1, intraOpThreads: 1, maxBatchSize: undefined }]);
    expect(set.loads.length).toBeGreaterThan(1);
    const { defaultMaxBatchSize } = served(set)[0]!;
    expect(set.tuned()).toMatchObject([
      { level: "info", model: "a", version: "1", instances: 1, intraOpThreads: 1, maxBatchSize: defaultMaxBatchSize, objectiveMs: 50 },
    ]);
    expect(set.registry.model("a").versions[0]?.batching).toMatchObject({
      maxBatchSize: defaultMaxBatchSize,
      source: "tuned for answers within 50 ms",
    });
    expect(set.openCount()).toBe(1);
  });

  test("does not happen unless somebody asks for it", async () => {
    models.put("a/1/model.onnx");
    models.put("b/1/model.onnx");
    models.put("b/model.yaml", "tune: off\n");
    const plain = setUp(FAST);
    await plain.registry.load();
    expect(plain.loads.length).toBe(2);
    const all = setUp(FAST, { tune: "auto" });
    await all.registry.load();
    expect(all.tuned().map(({ model }) => model)).toEqual(["a"]);
  });

  test.each(["allowedBatchSizes: [1, 8]", "preferredBatchSizes: [8]"])("does not make batches smaller than `%s` names", async (line) => {
    models.put("a/1/model.onnx");
    models.put("a/model.yaml", `tune: auto\nobjectiveMs: 1\n${line}\n`);
    // Larger batches than of two rows miss the objective.
    const set = setUp({ runMs: (rows) => 0.4 * rows });
    await set.registry.load();
    expect(served(set)).toMatchObject([{ defaultMaxBatchSize: loadConfig({ flags: {}, env: {}, cwd: models.base }).maxBatchSize }]);
  });

  test("leaves alone what the configuration says, and is left out when that is everything", async () => {
    models.put("a/1/model.onnx");
    models.put("a/model.yaml", "tune: auto\nintraOpThreads: 3\nmaxBatchSize: 16\n");
    models.put("b/1/model.onnx");
    models.put("b/model.yaml", "tune: auto\ninstances: 2\nintraOpThreads: 1\nmaxBatchSize: 4\n");
    const set = setUp(FAST);
    await set.registry.load();
    expect(set.tuned().map(({ model }) => model)).toEqual(["a"]);
    expect(new Set(set.loads.map(({ intraOpThreads }) => intraOpThreads))).toEqual(new Set([1, 3]));
    const [, a] = served(set).toSorted((x, y) => x.intraOpThreads - y.intraOpThreads);
    expect(a).toMatchObject({ instances: 1, intraOpThreads: 3, maxBatchSize: 16 });
    expect(set.registry.model("a").versions[0]?.batching?.source).toBe("a test");
  });

  test("with more models than workers each keeps to one thread", async () => {
    for (let i = 0; i <= availableParallelism(); i++) models.put(`m${i}/1/model.onnx`);
    const set = setUp(FAST, { tune: "auto" });
    await set.registry.load();
    expect(new Set(set.loads.map(({ instances, intraOpThreads }) => `${instances} ${intraOpThreads}`))).toEqual(new Set(["1 1"]));
    expect(set.openCount()).toBe(availableParallelism() + 1);
  });
});

function busyUntil(at: number): void {
  while (performance.now() < at);
}

describe("without a result the defaults hold", () => {
  test("when the sweep fails, with a warning", async () => {
    models.put("a/1/model.onnx");
    models.put("a/model.yaml", "tune: auto\n");
    const set = setUp({ ...FAST, failsToRun: true });
    await set.registry.load();
    expect(states(set.registry, "a")).toEqual(["1 ready"]);
    expect(served(set)).toMatchObject([{ instances: 0, intraOpThreads: 0, defaultMaxBatchSize: 32 }]);
    expect(set.tuned()).toMatchObject([{ level: "warn", msg: "tuning failed; the defaults hold" }]);
  });

  test("when nothing is answered in time, with a warning", async () => {
    models.put("a/1/model.onnx");
    models.put("a/model.yaml", "tune: auto\nobjectiveMs: 1\n");
    const set = setUp({ runMs: () => 2, onRun: () => busyUntil(performance.now() + 2) }, { tuneBudgetMs: 100 });
    await set.registry.load();
    expect(served(set)).toMatchObject([{ instances: 0, intraOpThreads: 0, defaultMaxBatchSize: 32 }]);
    expect(set.tuned()).toMatchObject([{ level: "warn", objectiveMs: 1 }]);
  });

  test("a model that cannot be loaded fails for its own reason", async () => {
    models.put("a/1/model.onnx");
    models.put("a/model.yaml", "tune: auto\n");
    const set = setUp({ ...FAST, failsToLoad: () => true });
    await set.registry.load();
    expect(set.registry.model("a").versions[0]).toMatchObject({ state: "failed", reason: "no room" });
    expect(set.openCount()).toBe(0);
  });
});

test("a server that goes away ends the sweep and loads nothing", async () => {
  models.put("a/1/model.onnx");
  models.put("a/model.yaml", "tune: auto\n");
  const set = setUp({ ...FAST, onRun: () => set.stop.abort() });
  await set.registry.load();
  expect(set.registry.model("a").versions[0]).toMatchObject({ state: "failed", reason: expect.stringContaining("going away") });
  expect([served(set), set.openCount()]).toEqual([[], 0]);
  await set.registry.close();
});

test("a bad value names its key, to the caller of a load too, and what serves goes on", async () => {
  models.put("a/1/model.onnx");
  const { registry } = setUp(FAST, { modelControl: "explicit", loadModels: ["a"] });
  await registry.load();
  models.put("a/model.yaml", "tune: sometimes\n");
  await expect(registry.loadModel("a")).rejects.toMatchObject({
    reason: "MODEL_LOAD_FAILED",
    message: expect.stringContaining('tune must be one of off, auto, got "sometimes"'),
  });
  expect(states(registry, "a")).toEqual(["1 ready"]);
});
