// What happens when calls meet the start, the shutdown, each other or a half-broken model.

import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ModelRoot } from "./support/model-root.ts";
import { asked, createModelRoot, overrideFolders, states } from "./support/model-root.ts";

let models: ModelRoot;
beforeEach(() => {
  models = createModelRoot();
});
afterEach(() => models.remove());

/** Other tests load models with files at the same time. */
const OWN = `races-${process.pid}`;

/** Folders that files of load calls of this test lie in. */
const overrides = () => overrideFolders(OWN);

const config = JSON.stringify({ max_batch_size: 8 });
const override = (path = "1/model.onnx") => ({ config, files: new Map([[path, Buffer.from("x")]]) });

describe("a call that comes while the start still looks at the folder", () => {
  test("loads a model that the start does not want, and the start leaves it alone", async () => {
    models.put("a/1/model.onnx");
    // The start is still busy with this one.
    models.put("b/1/model.onnx");
    models.put("b/config.pbtxt", 'output { name: "x" data_type: TYPE_UINT8 label_filename: "labels.txt" }');
    models.put("b/labels.txt", "label\n".repeat(500_000));
    for (const callFirst of [true, false]) {
      const { registry, loads } = models.setUp({ loadModels: ["b"] }, true);
      const early = callFirst ? registry.loadModel("a") : undefined;
      const start = registry.load();
      await Promise.all([start, early ?? registry.loadModel("a")]);
      expect([states(registry, "a"), states(registry, "b")]).toEqual([["1 ready"], ["1 ready"]]);
      await registry.close();
      expect(loads.map((load) => load.isClosed())).toEqual([true, true]);
    }
  });

  test("and one that the start wants too is loaded once, by whoever came first", async () => {
    models.put("a/1/model.onnx");
    for (const callFirst of [true, false]) {
      const { registry, loads } = models.setUp({ loadModels: ["a"] }, true);
      const call = () => registry.loadModel("a").catch((error: { reason: string }) => error.reason);
      const early = callFirst ? call() : undefined;
      const start = registry.load();
      const outcome = await (early ?? call());
      await start;
      expect([undefined, "MODEL_CHANGING"]).toContain(outcome);
      expect([loads.length, states(registry, "a")]).toEqual([1, ["1 ready"]]);
      await registry.close();
      expect(loads.map((load) => load.isClosed())).toEqual([true]);
    }
  });
});

describe("shutdown", () => {
  test("a load that has only looked for its model leaves nothing behind", async () => {
    models.put("a/1/model.onnx");
    const { registry, loads } = models.setUp({}, true);
    await registry.load();
    const loading = registry.loadModel("a");
    const closing = registry.close();
    await expect(loading).rejects.toMatchObject({ reason: "SERVER_DRAINING" });
    await closing;
    expect(loads.filter((load) => !load.isClosed())).toEqual([]);
  });

  test("waits for a load that is under way and frees what it brought", async () => {
    const { registry, loads } = models.setUp();
    await registry.load();
    const loading = registry.loadModel(OWN, override());
    await asked(loads, 1);
    expect(overrides().length).toBe(1);
    let closed = false;
    const closing = registry.close().then(() => (closed = true));
    await new Promise(setImmediate);
    expect(closed).toBe(false);
    loads[0]!.succeed();
    await loading;
    await closing;
    expect(loads[0]!.isClosed()).toBe(true);
    expect(overrides()).toEqual([]);
  });
});

/** A registry that serves two versions of the model `a`. */
async function served() {
  models.put("a/1/model.onnx");
  models.put("a/2/model.onnx");
  const made = models.setUp({ loadModels: ["a"] });
  const start = made.registry.load();
  await asked(made.loads, 2);
  for (const load of made.loads) load.succeed();
  await start;
  return made;
}

describe("a model of several versions that cannot all be loaded again", () => {
  test("goes on as it was: no version takes over alone", async () => {
    const { registry, loads } = await served();
    const before = ["1", "2"].map((version) => registry.route("a", version));
    models.touch("a/1/model.onnx");
    models.touch("a/2/model.onnx");
    const loading = registry.loadModel("a");
    await asked(loads, 4);
    const [one, two] = loads.slice(2).toSorted((a, b) => (a.options.modelPath < b.options.modelPath ? -1 : 1));
    two!.succeed();
    await new Promise(setImmediate);
    one!.fail("broken on purpose");
    await expect(loading).rejects.toMatchObject({ reason: "MODEL_LOAD_FAILED", message: expect.stringContaining("version 1: broken") });
    expect(["1", "2"].map((version) => registry.route("a", version))).toEqual(before);
    expect([one!.isClosed(), two!.isClosed()]).toEqual([false, true]);
    expect(registry.model("a").versions.map(({ reason }) => reason)).toEqual(["", expect.stringContaining("broken on purpose")]);
    const again = registry.loadModel("a");
    await asked(loads, 6);
    for (const load of loads.slice(4)) load.succeed();
    await again;
    expect(registry.route("a", "")).not.toBe(before[1]);
    await registry.close();
    expect(loads.filter((load) => load !== one && !load.isClosed())).toEqual([]);
  });

  test("a new version does not answer when the load that brought it failed", async () => {
    const { registry, loads } = await served();
    models.put("a/3/model.onnx");
    models.touch("a/1/model.onnx");
    const loading = registry.loadModel("a");
    await asked(loads, 4);
    const [one, three] = loads.slice(2).toSorted((a, b) => (a.options.modelPath < b.options.modelPath ? -1 : 1));
    three!.succeed();
    one!.fail("broken on purpose");
    await expect(loading).rejects.toMatchObject({ reason: "MODEL_LOAD_FAILED" });
    expect(registry.model("a").defaultVersion).toBe("2");
    expect([states(registry, "a"), three!.isClosed()]).toEqual([["3 unloaded", "2 ready", "1 ready"], true]);
  });

  test("where nothing served before, the good versions do", async () => {
    models.put("a/1/model.onnx");
    models.put("a/2/model.onnx");
    const { registry, loads } = models.setUp();
    await registry.load();
    const loading = registry.loadModel("a");
    await asked(loads, 2);
    const [one, two] = loads.toSorted((a, b) => (a.options.modelPath < b.options.modelPath ? -1 : 1));
    one!.succeed();
    two!.fail("broken on purpose");
    await expect(loading).rejects.toMatchObject({ reason: "MODEL_LOAD_FAILED" });
    expect(states(registry, "a")).toEqual(["2 failed", "1 ready"]);
  });

  test("a configuration that could not take over leaves no trace of itself", async () => {
    const { registry, loads } = await served();
    models.put("a/model.yaml", "required: true\ndescription: never served");
    const loading = registry.loadModel("a");
    await asked(loads, 4);
    loads[2]!.succeed();
    loads[3]!.fail("broken on purpose");
    await expect(loading).rejects.toMatchObject({ reason: "MODEL_LOAD_FAILED" });
    expect(registry.model("a")).toMatchObject({ required: false, description: "" });
  });
});

describe("files of a load call that fails", () => {
  test("are gone, and what served goes on", async () => {
    models.put(`${OWN}/1/model.onnx`);
    const { registry, loads } = models.setUp({ loadModels: [OWN] });
    const start = registry.load();
    await asked(loads, 1);
    loads[0]!.succeed();
    await start;
    const before = registry.route(OWN, "");
    const loading = registry.loadModel(OWN, override());
    await asked(loads, 2);
    expect(existsSync(loads[1]!.options.modelPath)).toBe(true);
    loads[1]!.fail("broken on purpose");
    await expect(loading).rejects.toMatchObject({ reason: "MODEL_LOAD_FAILED" });
    expect(registry.route(OWN, "")).toBe(before);
    await registry.close();
    expect(overrides()).toEqual([]);
  });

  test.each([
    ["a configuration that cannot be read", { ...override(), config: "{" }, "CONFIG_INVALID"],
    [
      "files that exclude each other",
      { config, files: new Map([...override().files, ...override("1/model.onnx/x").files]) },
      "FILE_INVALID",
    ],
    ["no model among them", override("1/readme.md"), "MODEL_LOAD_FAILED"],
  ])("%s: a model that was never there is still not there", async (_, given, reason) => {
    const { registry } = models.setUp({}, true);
    await registry.load();
    await expect(registry.loadModel(OWN, given)).rejects.toMatchObject({ reason });
    expect(registry.models()).toEqual([]);
    expect(() => registry.route(OWN, "")).toThrow(expect.objectContaining({ reason: "MODEL_NOT_FOUND" }));
    await registry.close();
    expect(overrides()).toEqual([]);
  });
});

test.each([
  ["is loaded by call", "loaded"],
  ["fails to load by call", "failed"],
  ["cannot even be planned", "refused"],
])("a required model that was not there at the start takes no readiness away while it %s", async (_, outcome) => {
  models.put("a/1/model.onnx");
  const { registry, loads } = models.setUp({ loadModels: ["a"] });
  const start = registry.load();
  await asked(loads, 1);
  loads[0]!.succeed();
  await start;
  models.put("new/1/model.onnx");
  models.put("new/model.yaml", "required: true");
  if (outcome === "refused") models.put("new/config.pbtxt", 'name: "other"');
  const ready: boolean[] = [];
  registry.onChange(() => ready.push(registry.requiredReady()));
  const loading = registry.loadModel("new").catch(() => {});
  if (outcome !== "refused") {
    await asked(loads, 2);
    if (outcome === "loaded") loads[1]!.succeed();
    else loads[1]!.fail("broken on purpose");
  }
  await loading;
  expect([ready.length > 0, ready.includes(false), registry.requiredReady()]).toEqual([true, false, true]);
});

describe("a required model that cannot be planned", () => {
  test.each([
    ["a version that is not there", "required: true\nversions: [7]", ""],
    ["a configuration that is refused", "required: true", 'name: "other"'],
    ["a configuration that cannot be read", "required: true", "nonsense {"],
    ["class names that are missing", "required: true", 'output { name: "y" data_type: TYPE_FP32 dims: 4 label_filename: "none.txt" }'],
  ])("holds readiness back: %s", async (_, manifest, pbtxt) => {
    models.put("a/1/model.onnx");
    models.put("a/model.yaml", manifest);
    if (pbtxt !== "") models.put("a/config.pbtxt", pbtxt);
    const { registry } = models.setUp({ loadModels: ["a"] }, true);
    await registry.load();
    expect(states(registry, "a")).toEqual(["1 failed"]);
    expect([registry.model("a").required, registry.requiredReady()]).toEqual([true, false]);
  });
});
