// What counts as a change of a model, so that a load call loads it again, and what does not.

import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { loadConfig } from "../../src/config/load-config.ts";
import type { LoadOverride } from "../../src/registry/registry.ts";
import { createRegistry } from "../../src/registry/registry.ts";
import { silentLogger } from "../../src/telemetry/logger.ts";
import { createFakeBackend } from "./support/fake-backend.ts";

let base: string;
let root: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "predictd-fingerprint-"));
  root = join(base, "models");
  mkdirSync(root);
});
afterEach(() => rmSync(base, { recursive: true }));

function put(path: string, content = "x"): void {
  const full = join(root, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, content);
}

function link(path: string, target: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync(target, join(root, path));
}

const append = (path: string) => appendFileSync(join(root, path), "y");

/** How often a model is loaded by a load call, a change, and another load call. */
async function loadsAround(change: () => void, calls: readonly (LoadOverride | undefined)[] = [undefined, undefined]): Promise<number> {
  const { backend, loads } = createFakeBackend(true);
  const config = loadConfig({ flags: { modelDir: root, modelControl: "explicit" }, env: {}, cwd: base });
  const registry = createRegistry({ config, backends: new Map([["onnxruntime", backend]]), logger: silentLogger() });
  await registry.load();
  await registry.loadModel("a", calls[0]);
  change();
  await registry.loadModel("a", calls[1]);
  await registry.close();
  return loads.length;
}

const LABELS = 'output { name: "x" data_type: TYPE_UINT8 dims: [ ] label_filename: "meta/labels.txt" }';
const WARMUP = `model_warmup { name: "w" batch_size: 1
  inputs { key: "x" value { data_type: TYPE_UINT8 dims: 1 input_data_file: "raw/x" } } }`;

describe("a version is loaded again after a change of", () => {
  test.each<[string, () => void, () => void]>([
    ["its file", () => {}, () => append("a/1/model.onnx")],
    ["its configuration", () => put("a/config.pbtxt", "max_batch_size: 4"), () => put("a/config.pbtxt", "max_batch_size: 8")],
    ["data beside the file", () => put("a/1/weights.bin"), () => append("a/1/weights.bin")],
    ["data that appears", () => {}, () => put("a/1/weights.bin")],
    ["data in a folder beside the file", () => put("a/1/data/weights.bin"), () => append("a/1/data/weights.bin")],
    [
      "data that a link leads to",
      () => {
        put("a/1/..data/weights.bin");
        link("a/1/weights.bin", "..data/weights.bin");
      },
      () => append("a/1/..data/weights.bin"),
    ],
    [
      "data in a linked folder that leads in circles",
      () => {
        put("a/blobs/weights.bin");
        link("a/blobs/self", ".");
        link("a/1/data", "../blobs");
      },
      () => append("a/blobs/weights.bin"),
    ],
    [
      "class names in a folder",
      () => {
        put("a/config.pbtxt", LABELS);
        put("a/meta/labels.txt");
      },
      () => append("a/meta/labels.txt"),
    ],
    [
      "warm-up data in a folder",
      () => {
        put("a/config.pbtxt", WARMUP);
        put("a/warmup/raw/x");
      },
      () => put("a/warmup/raw/x", "z"),
    ],
  ])("%s", async (_, prepare, change) => {
    put("a/1/model.onnx");
    prepare();
    expect(await loadsAround(() => {})).toBe(1);
    expect(await loadsAround(change)).toBe(2);
  });

  test("weights that are written over in place, of equal size and with their old time", async () => {
    const time = new Date(2020, 0, 1);
    const write = (content: string): void => {
      put("a/1/model.onnx", content);
      utimesSync(join(root, "a/1/model.onnx"), time, time);
    };
    write("one");
    expect(await loadsAround(() => write("two"))).toBe(2);
  });

  test("data beside a bare file", async () => {
    put("a.onnx");
    put("a.onnx.data");
    expect(await loadsAround(() => append("a.onnx.data"))).toBe(2);
  });
});

test("another model and another version are nobody else's change", async () => {
  put("a.onnx");
  put("b.onnx");
  expect(await loadsAround(() => append("b.onnx"))).toBe(1);
  rmSync(join(root, "a.onnx"));
  put("a/1/model.onnx");
  put("a/2/model.onnx");
  // Both, then the one that has changed.
  expect(await loadsAround(() => append("a/1/model.onnx"))).toBe(3);
});

function call(config: object): LoadOverride {
  return { config: JSON.stringify(config), files: new Map() };
}

function queue(level: number, max_queue_size: number): object {
  return { dynamic_batching: { priority_levels: 2, default_priority_level: 1, priority_queue_policy: { [level]: { max_queue_size } } } };
}

describe("the configuration of a load call is another one when it differs in", () => {
  test.each([
    ["the policy of a level", queue(1, 5), queue(1, 6)],
    ["the level of a policy", queue(1, 5), queue(2, 5)],
    ["whether it says that there are no rows", {}, { max_batch_size: 0 }],
    ["a parameter", { parameters: { a: { string_value: "1" } } }, { parameters: { a: { string_value: "2" } } }],
    [
      "how many versions it wants",
      { version_policy: { latest: { num_versions: 1 } } },
      { version_policy: { latest: { num_versions: 2 } } },
    ],
  ])("%s", async (_, one, other) => {
    put("a/1/model.onnx");
    expect(await loadsAround(() => {}, [call(one), call(one)])).toBe(1);
    expect(await loadsAround(() => {}, [call(one), call(other)])).toBe(2);
  });
});
