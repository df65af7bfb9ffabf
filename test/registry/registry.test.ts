// How models come and go: states, leases, replacement, and what is refused.

import { mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ModelRoot } from "./support/model-root.ts";
import { asked, createModelRoot, overrideFolders, states } from "./support/model-root.ts";

let models: ModelRoot;
beforeEach(() => {
  models = createModelRoot();
});
afterEach(() => models.remove());

describe("start", () => {
  test("modelControl none loads everything, explicit only what is named", async () => {
    models.put("a/1/model.onnx");
    models.put("b/1/model.onnx");
    const all = models.setUp({ modelControl: "none" }, true);
    await all.registry.load();
    expect(states(all.registry, "b")).toEqual(["1 ready"]);
    const named = models.setUp({ loadModels: ["b"] }, true);
    await named.registry.load();
    expect([states(named.registry, "a"), states(named.registry, "b")]).toEqual([["1 unloaded"], ["1 ready"]]);
    expect(() => named.registry.route("a", "")).toThrow(expect.objectContaining({ reason: "MODEL_NOT_READY", code: "UNAVAILABLE" }));
  });

  test("a model cannot be loaded or unloaded by call while the start still loads it", async () => {
    models.put("a/1/model.onnx");
    const { registry, loads } = models.setUp({ loadModels: ["*"] });
    const loading = registry.load();
    await asked(loads, 1);
    await expect(registry.unloadModel("a")).rejects.toMatchObject({ reason: "MODEL_CHANGING", code: "ABORTED" });
    await expect(registry.loadModel("a")).rejects.toMatchObject({ reason: "MODEL_CHANGING" });
    loads[0]!.succeed();
    await loading;
    await registry.unloadModel("a");
    expect(states(registry, "a")).toEqual(["1 unloaded"]);
  });
});

describe("load", () => {
  test("goes loading, warming, ready and tells each step", async () => {
    models.put("a/1/model.onnx");
    const { registry, loads } = models.setUp();
    await registry.load();
    const seen: string[] = [];
    registry.onChange(({ versions }) => seen.push(versions[0]!.state));
    const loading = registry.loadModel("a");
    await asked(loads, 1);
    loads[0]!.succeed();
    await loading;
    expect([...new Set(seen)]).toEqual(["loading", "warming", "ready"]);
  });

  test("what has not changed is left alone", async () => {
    models.put("a/1/model.onnx");
    const { registry, loads } = models.setUp({ loadModels: ["a"] }, true);
    await registry.load();
    await registry.loadModel("a");
    expect(loads.length).toBe(1);
    models.touch("a/1/model.onnx");
    await registry.loadModel("a");
    expect(loads.length).toBe(2);
  });

  test("a changed version is loaded beside the old one, which answers until then and is freed afterwards", async () => {
    models.put("a/1/model.onnx");
    const { registry, loads } = models.setUp({ loadModels: ["a"] });
    const start = registry.load();
    await asked(loads, 1);
    loads[0]!.succeed();
    await start;
    const before = registry.route("a", "");
    before.leases.take();
    models.touch("a/1/model.onnx");
    const loading = registry.loadModel("a");
    await asked(loads, 2);
    expect(registry.route("a", "1")).toBe(before);
    loads[1]!.succeed();
    await loading;
    expect(registry.route("a", "1")).not.toBe(before);
    expect(loads[0]!.isClosed()).toBe(false);
    before.leases.give();
    await registry.close();
    expect(loads.map((load) => load.isClosed())).toEqual([true, true]);
  });

  test("a failed one keeps what served and says why", async () => {
    models.put("a/1/model.onnx");
    const { registry, loads } = models.setUp({ loadModels: ["a"] });
    const start = registry.load();
    await asked(loads, 1);
    loads[0]!.succeed();
    await start;
    const before = registry.route("a", "");
    models.touch("a/1/model.onnx");
    const loading = registry.loadModel("a");
    await asked(loads, 2);
    loads[1]!.fail("broken on purpose");
    await expect(loading).rejects.toMatchObject({ reason: "MODEL_LOAD_FAILED", message: expect.stringContaining("broken on purpose") });
    expect(registry.route("a", "")).toBe(before);
    expect(registry.model("a").versions[0]!.reason).toContain("broken on purpose");
    models.put("a/model.yaml", "nonsense: 1");
    await expect(registry.loadModel("a")).rejects.toMatchObject({ reason: "MODEL_LOAD_FAILED" });
    expect(registry.route("a", "")).toBe(before);
  });

  test("versions that are no longer wanted go when the wanted ones are ready", async () => {
    models.put("a/1/model.onnx");
    models.put("a/model.yaml", "versions: { latest: 1 }");
    const { registry, loads } = models.setUp({ loadModels: ["a"] }, true);
    await registry.load();
    models.put("a/2/model.onnx");
    await registry.loadModel("a");
    expect(states(registry, "a")).toEqual(["2 ready"]);
    await registry.close();
    expect(loads.map((load) => load.isClosed())).toEqual([true, true]);
  });

  test.each(["nobody", "../a", "/etc", "a/1", "..", "", "a\0"])("%j is not found and reads nothing", async (name) => {
    models.put("a/1/model.onnx");
    const { registry, loads } = models.setUp({}, true);
    await registry.load();
    await expect(registry.loadModel(name)).rejects.toMatchObject({ reason: "MODEL_NOT_FOUND", code: "NOT_FOUND" });
    const override = { config: "{}", files: new Map([["1/model.onnx", Buffer.from("x")]]) };
    if (name !== "nobody") await expect(registry.loadModel(name, override)).rejects.toMatchObject({ reason: "MODEL_NOT_FOUND" });
    expect(loads.length).toBe(0);
  });
});

describe("unload", () => {
  test("waits for the leases, refuses new requests meanwhile and others that change the model", async () => {
    models.put("a/1/model.onnx");
    const { registry, loads } = models.setUp({ loadModels: ["a"] }, true);
    await registry.load();
    const servable = registry.route("a", "");
    servable.leases.take();
    let done = false;
    const unloading = registry.unloadModel("a").then(() => (done = true));
    expect(states(registry, "a")).toEqual(["1 draining"]);
    expect(() => registry.route("a", "")).toThrow(expect.objectContaining({ reason: "MODEL_NOT_READY" }));
    await expect(registry.loadModel("a")).rejects.toMatchObject({ reason: "MODEL_CHANGING", retryAfterMs: expect.any(Number) });
    expect([done, loads[0]!.isClosed()]).toEqual([false, false]);
    servable.leases.give();
    await unloading;
    expect([states(registry, "a"), loads[0]!.isClosed()]).toEqual([["1 unloaded"], true]);
    await registry.loadModel("a");
    expect(states(registry, "a")).toEqual(["1 ready"]);
  });

  test("a required model that was unloaded on purpose does not count", async () => {
    models.put("a/1/model.onnx");
    models.put("a/model.yaml", "required: true");
    const { registry, loads } = models.setUp({ loadModels: ["a"] });
    const start = registry.load();
    await asked(loads, 1);
    expect(registry.requiredReady()).toBe(false);
    loads[0]!.succeed();
    await start;
    expect(registry.requiredReady()).toBe(true);
    await registry.unloadModel("a");
    expect(registry.requiredReady()).toBe(true);
  });
});

test("a thousand loads, unloads and requests at random times: none is lost and everything is freed", async () => {
  models.put("a/1/model.onnx");
  const { registry, loads } = models.setUp({ loadModels: ["a"] }, true);
  await registry.load();
  const counts = { answered: 0, refused: 0, changed: 0 };
  const step = async (kind: number): Promise<void> => {
    try {
      if (kind === 0) await registry.loadModel("a");
      else if (kind === 1) await registry.unloadModel("a");
      else {
        const servable = registry.route("a", "");
        servable.leases.take();
        await new Promise(setImmediate);
        servable.leases.give();
        counts.answered++;
        return;
      }
      counts.changed++;
    } catch (error) {
      expect(["MODEL_CHANGING", "MODEL_NOT_READY"]).toContain((error as { reason: string }).reason);
      counts.refused++;
    }
  };
  let seed = 7;
  for (let round = 0; round < 100; round++) {
    const kinds = Array.from({ length: 10 }, () => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) >> 16).map((value) => value % 4);
    await Promise.all(kinds.map(step));
  }
  expect(counts.answered + counts.refused + counts.changed).toBe(1000);
  expect(Math.min(counts.answered, counts.refused, counts.changed)).toBeGreaterThan(10);
  await registry.close();
  expect(loads.filter((load) => !load.isClosed())).toEqual([]);
});

describe("index", () => {
  test("shows models that came after the start and forgets those that have gone", async () => {
    models.put("a/1/model.onnx");
    const { registry } = models.setUp({ loadModels: ["a"] }, true);
    await registry.load();
    models.put("b/3/model.onnx");
    models.put("c/1/model.onnx");
    expect((await registry.index()).map(({ name, versions }) => `${name} ${versions[0]!.state}`)).toEqual([
      "a ready",
      "b unloaded",
      "c unloaded",
    ]);
    rmSync(join(models.root, "c"), { recursive: true });
    expect((await registry.index()).map(({ name }) => name)).toEqual(["a", "b"]);
  });
});

/** Other tests load models with files at the same time. */
const OWN = `files-of-${process.pid}`;

/** Folders that files of load calls of this test lie in. */
const overrides = () => overrideFolders(OWN);

describe("files of a load call", () => {
  const config = JSON.stringify({ backend: "onnxruntime", max_batch_size: 8 });

  test("are served from a folder of their own, which goes with the model", async () => {
    const { registry, loads } = models.setUp({}, true);
    await registry.load();
    const before = overrides();
    await registry.loadModel(OWN, { config, files: new Map([["3/model.onnx", Buffer.from("x")]]) });
    expect(states(registry, OWN)).toEqual(["3 ready"]);
    expect(loads[0]!.options.modelPath.startsWith(models.root)).toBe(false);
    expect(overrides().length).toBe(before.length + 1);
    await registry.unloadModel(OWN);
    await registry.close();
    expect(overrides()).toEqual(before);
  });

  test.each([
    "../1/model.onnx",
    "1/../../model.onnx",
    "/etc/model.onnx",
    "1//model.onnx",
    "1/.hidden",
    "1/a\\b",
    "1/a\0b",
    "model.onnx",
    "x/model.onnx",
    "01/model.onnx",
    "1/..",
    "1/",
    `1/${"a".repeat(600)}`,
  ])("%j is refused and nothing is written", async (path) => {
    models.put(`${OWN}/1/model.onnx`);
    const { registry, loads } = models.setUp({}, true);
    await registry.load();
    const before = overrides();
    await expect(registry.loadModel(OWN, { config, files: new Map([[path, Buffer.from("x")]]) })).rejects.toMatchObject({
      reason: "FILE_INVALID",
      code: "INVALID_ARGUMENT",
    });
    expect([loads.length, overrides()]).toEqual([0, before]);
  });

  test("do not follow links of the model's own folder", async () => {
    const outside = join(models.base, "outside");
    mkdirSync(outside);
    mkdirSync(join(models.root, OWN));
    symlinkSync(outside, join(models.root, OWN, "1"));
    const { registry } = models.setUp({}, true);
    await registry.load();
    await registry.loadModel(OWN, { config, files: new Map([["1/model.onnx", Buffer.from("x")]]) });
    expect(readdirSync(outside)).toEqual([]);
    await registry.close();
  });

  test("that exclude each other are refused", async () => {
    const { registry } = models.setUp({}, true);
    await registry.load();
    const before = overrides();
    const files = new Map([
      ["1/model.onnx", Buffer.from("x")],
      ["1/model.onnx/model.onnx", Buffer.from("y")],
    ]);
    await expect(registry.loadModel(OWN, { config, files })).rejects.toMatchObject({ reason: "FILE_INVALID" });
    expect(overrides()).toEqual(before);
  });

  test("a configuration that is no ModelConfig is refused by name", async () => {
    models.put(`${OWN}/1/model.onnx`);
    const { registry } = models.setUp({}, true);
    await registry.load();
    await expect(registry.loadModel(OWN, { config: "{", files: new Map() })).rejects.toMatchObject({ reason: "CONFIG_INVALID" });
    await expect(registry.loadModel(OWN, { config: '{"max_batch": 1}', files: new Map() })).rejects.toMatchObject({
      reason: "CONFIG_INVALID",
      message: expect.stringContaining("max_batch"),
    });
  });
});
