// What is made of a model's files before anything is loaded: limits, precedence, and configurations that come back.

import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ModelPlan } from "../../src/registry/model-plan.ts";
import { planModel } from "../../src/registry/model-plan.ts";
import { findModel } from "../../src/registry/source.ts";
import { parseConfigJson } from "../../src/registry/triton/parse-config.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "predictd-plan-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(path: string, content = ""): void {
  const full = join(root, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, content);
}

async function plan(config?: object): Promise<ModelPlan> {
  const found = await findModel(root, "a");
  return planModel(root, found!, config === undefined ? undefined : parseConfigJson(JSON.stringify(config)));
}

describe("a configuration that names the model file is one that can be sent back", () => {
  test.each([
    ["in a folder without versions", "a/model.onnx", "model.onnx"],
    ["under a name of its own there", "a/net.onnx", "net.onnx"],
    ["that stands alone", "a.onnx", "a.onnx"],
    ["in the folder of a version", "a/7/net.onnx", "net.onnx"],
  ])("%s", async (_, path, name) => {
    put(path);
    const planned = await plan({ name: "a", default_model_filename: name });
    expect([planned.problem, planned.versions.map(({ modelPath }) => modelPath)]).toEqual(["", [join(root, path)]]);
  });

  test("another file than the one that is there is not it", async () => {
    put("a/model.onnx");
    expect((await plan({ name: "a", default_model_filename: "net.onnx" })).problem).not.toBe("");
  });
});

describe("a model.yaml that asks for answers in order beside a config.pbtxt", () => {
  test.each([
    ["", ""],
    ["priority_levels: 2 default_priority_level: 1", "more than one priority level"],
    ["default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 1 }", "a timeout whose action is DELAY"],
  ])("%s", async (batching, why) => {
    put("a/1/model.onnx");
    put("a/config.pbtxt", `max_batch_size: 4 dynamic_batching { ${batching} }`);
    put("a/model.yaml", "preserveOrdering: true");
    const { problem, settings } = await plan();
    expect(problem).toBe(why === "" ? "" : `model.yaml asks for preserveOrdering, but config.pbtxt has ${why}.`);
    expect(settings.preserveOrdering).toBe(true);
  });
});

describe("files that are too large are refused before they are in memory", () => {
  test.each(["config.pbtxt", "model.yaml"])("%s", async (name) => {
    put("a/1/model.onnx");
    put(`a/${name}`);
    truncateSync(join(root, "a", name), 300_000_000);
    const before = process.memoryUsage().rss;
    expect((await plan()).problem).toBe(`${name} must have at most 4194304 bytes, got 300000000`);
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
  });

  test.each([
    ["too many lines", "\n".repeat(1_000_001), 'the file "l.txt" has more than 1000000 lines'],
    ["a line that is too long", `one\n${"x".repeat(1025)}\n`, 'line 2 of the file "l.txt" has more than 1024 characters'],
  ])("class names of %s", async (_, labels, problem) => {
    put("a/1/model.onnx");
    put("a/config.pbtxt", 'output { name: "y" data_type: TYPE_FP32 label_filename: "l.txt" }');
    put("a/l.txt", labels);
    expect((await plan()).problem).toBe(problem);
  });

  test("as many class names as allowed are read", async () => {
    put("a/1/model.onnx");
    put("a/config.pbtxt", 'output { name: "y" data_type: TYPE_FP32 label_filename: "l.txt" }');
    put("a/l.txt", "x\r\n".repeat(999_999));
    const { problem, settings } = await plan();
    expect([problem, settings.outputNotes[0]!.labels.length, settings.outputNotes[0]!.labels.at(-1)]).toEqual(["", 999_999, "x"]);
  });
});

test("a configuration with thousands of wrong places has a short problem", async () => {
  put("a/1/model.onnx");
  put("a/config.pbtxt", `version_policy { specific { versions: [ ${Array.from({ length: 50_000 }, (_, i) => i + 2).join(", ")} ] } }`);
  const { problem } = await plan();
  expect(problem.length).toBeLessThanOrEqual(2000);
  expect(problem).toMatch(/^The configuration asks for version 2, 3, /);
});

function labelsOf({ settings }: ModelPlan): readonly unknown[] {
  return settings.outputNotes.map(({ name, labels }) => [name, labels]);
}

describe("class names in model.yaml and in a file that config.pbtxt names", () => {
  beforeEach(() => {
    put("a/1/model.onnx");
    put("a/l.txt", "from the file\n");
    put("a/config.pbtxt", 'output { name: "y" data_type: TYPE_FP32 label_filename: "l.txt" }');
  });

  test("model.yaml wins for what it says", async () => {
    put("a/model.yaml", "outputs: [{ name: y, labels: [ours] }]");
    expect(labelsOf(await plan())).toEqual([["y", ["ours"]]]);
  });

  test("what it does not say comes from the file", async () => {
    put("a/model.yaml", "outputs: [{ name: y, description: scores }]");
    expect(labelsOf(await plan())).toEqual([["y", ["from the file"]]]);
  });

  test("a caller's configuration wins over both", async () => {
    put("a/model.yaml", "outputs: [{ name: y, labels: [ours] }]");
    const config = { output: [{ name: "y", data_type: "TYPE_FP32", label_filename: "l.txt" }] };
    expect(labelsOf(await plan(config))).toEqual([["y", ["from the file"]]]);
  });
});

test("what is known of a model that cannot be served is whether it is required", async () => {
  put("a/1/model.onnx");
  put("a/model.yaml", "required: true\ndescription: d");
  put("a/config.pbtxt", 'platform: "tensorrt_plan"');
  const { problem, settings } = await plan();
  expect([problem === "", settings.required, settings.description]).toEqual([false, true, "d"]);
});
