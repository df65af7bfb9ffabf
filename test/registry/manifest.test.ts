// model.yaml: what it gives, and how everything wrong with it is said.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { ManifestError, overlayManifest, parseManifest } from "../../src/registry/manifest.ts";
import { DEFAULT_MODEL_SETTINGS } from "../../src/registry/model-settings.ts";

const DEFAULTS = {
  description: undefined,
  required: undefined,
  maxBatchSize: undefined,
  allowedBatchSizes: undefined,
  preferredBatchSizes: undefined,
  preserveOrdering: undefined,
  maxQueueDelayMs: undefined,
  gate: undefined,
  maxQueueRows: undefined,
  maxQueueBytes: undefined,
  execution: undefined,
  padding: undefined,
  admission: undefined,
  instances: undefined,
  intraOpThreads: undefined,
  executionProviders: undefined,
  deviceIds: undefined,
  tune: undefined,
  tuneBudgetMs: undefined,
  objectiveMs: undefined,
  warmupRuns: undefined,
  warmupBudgetMs: undefined,
  warmupDims: new Map(),
  versions: undefined,
  inputs: [],
  outputs: [],
};

function problemsOf(text: string): readonly string[] {
  try {
    parseManifest(text);
  } catch (error) {
    if (error instanceof ManifestError) return error.problems;
    throw error;
  }
  return [];
}

test.each(["", "# only a comment\n", "{}", "---\n"])("%j gives the defaults", (text) => {
  expect(parseManifest(text)).toEqual(DEFAULTS);
});

test("the latest versions", () => {
  expect(parseManifest("versions: { latest: 2 }").versions).toEqual({ kind: "latest", count: 2 });
  expect(problemsOf("versions: { latest: 0 }")).toEqual(["line 1: versions.latest must be an integer from 1 to 1024, got 0"]);
  expect(problemsOf("versions: {}")).toEqual(["line 1: versions needs the key latest"]);
});

test("what it says wins over what lies below it, and nothing else does", () => {
  const below = { ...DEFAULT_MODEL_SETTINGS, source: "config.pbtxt", maxBatchSize: 8, instances: 2, description: "below" } as const;
  const manifest = parseManifest("maxBatchSize: 16\nversions: all");
  expect(overlayManifest(below, manifest)).toEqual({ ...below, maxBatchSize: 16, versions: { kind: "all" } });
  expect(overlayManifest(DEFAULT_MODEL_SETTINGS, parseManifest(""))).toEqual({ ...DEFAULT_MODEL_SETTINGS, source: "model.yaml" });
});

test("every key", () => {
  const text = `
description: Says what it is.
required: true
maxBatchSize: 0
allowedBatchSizes: [1, 8]
preferredBatchSizes: [8, 4]
preserveOrdering: true
maxQueueDelayMs: 5
gate: fixed
maxQueueRows: 100
maxQueueBytes: 1048576
execution: process
admission: lenient
instances: 2
intraOpThreads: 1
executionProviders: [cpu]
deviceIds: [1, 0, 1]
tune: auto
tuneBudgetMs: 2000
objectiveMs: 25
warmupRuns: 0
warmupBudgetMs: 1000
warmupDims: { sequence: 128, 7: 3 }
versions: [10, 2]
inputs:
  - name: x
    description: the numbers
    columns: [a, b]
  - name: y
outputs:
  - { name: p, labels: [no, "yes"], columns: [c] }
`;
  expect(parseManifest(text)).toEqual({
    description: "Says what it is.",
    required: true,
    maxBatchSize: 0,
    allowedBatchSizes: [1, 8],
    preferredBatchSizes: [8, 4],
    preserveOrdering: true,
    maxQueueDelayMs: 5,
    gate: "fixed",
    maxQueueRows: 100,
    maxQueueBytes: 1_048_576,
    execution: "process",
    admission: "lenient",
    instances: 2,
    intraOpThreads: 1,
    executionProviders: ["cpu"],
    deviceIds: [1, 0, 1],
    tune: "auto",
    tuneBudgetMs: 2000,
    objectiveMs: 25,
    warmupRuns: 0,
    warmupBudgetMs: 1000,
    warmupDims: new Map([
      ["sequence", 128],
      ["7", 3],
    ]),
    versions: { kind: "specific", versions: ["10", "2"] },
    inputs: [
      { name: "x", description: "the numbers", columns: ["a", "b"], labels: [] },
      { name: "y", description: "", columns: [], labels: [] },
    ],
    outputs: [{ name: "p", description: "", columns: ["c"], labels: ["no", "yes"] }],
  });
});

test.each(["digits", "fraud", "simple", "toxicity"])("the bundled %s", (name) => {
  const text = readFileSync(new URL(`../../models/${name}/model.yaml`, import.meta.url), "utf8");
  expect(parseManifest(text).description).not.toBe("");
});

describe("refusals", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["maxBatchSize: 65537", ["line 1: maxBatchSize must be an integer from 0 to 65536, got 65537"]],
    ["maxBatchSize: '8'", ['line 1: maxBatchSize must be an integer from 0 to 65536, got "8"']],
    ["maxQueueDelayMs: 10001", ["line 1: maxQueueDelayMs must be an integer from 0 to 10000, got 10001"]],
    ["maxQueueRows: 0", ["line 1: maxQueueRows must be an integer from 1 to 1048576, got 0"]],
    ["instances: 1.5", ["line 1: instances must be an integer from 0 to 256, got 1.5"]],
    ["intraOpThreads: -1", ["line 1: intraOpThreads must be an integer from 0 to 256, got -1"]],
    ["deviceIds: [-1]", ["line 1: deviceIds[0] must be an integer from 0 to 255, got -1"]],
    ["deviceIds: []", ["line 1: deviceIds must be a list of 1 to 64 items, each an integer from 0 to 255, got 0 items"]],
    ["deviceIds: 1", ["line 1: deviceIds must be a list of 1 to 64 items, each an integer from 0 to 255, got 1"]],
    ["executionProviders: cpu", ['line 1: executionProviders must be a list of 1 to 3 items, each one of cuda, cpu, webgpu, got "cpu"']],
    ["tune: on", ['line 1: tune must be one of off, auto, got "on"']],
    ["tune: true", ["line 1: tune must be one of off, auto, got true"]],
    ["tuneBudgetMs: 99", ["line 1: tuneBudgetMs must be an integer from 100 to 600000, got 99"]],
    ["objectiveMs: 0", ["line 1: objectiveMs must be an integer from 1 to 600000, got 0"]],
    ["warmupRuns: 101", ["line 1: warmupRuns must be an integer from 0 to 100, got 101"]],
    ["warmupBudgetMs: x", ['line 1: warmupBudgetMs must be an integer from 0 to 600000, got "x"']],
    ["warmupDims: [1]", ["line 1: warmupDims must be a mapping of at most 256 names, each to an integer from 1 to 65536, got a list"]],
    [
      "warmupDims:\n  N: 0\n  M: 65537",
      [
        "line 2: warmupDims.N must be an integer from 1 to 65536, got 0",
        "line 3: warmupDims.M must be an integer from 1 to 65536, got 65537",
      ],
    ],
    ["warmupDims: {'': 1}", ['line 1: warmupDims."" must have a name of 1 to 256 characters']],
    [
      "versions: latest",
      [
        'line 1: versions must be "all", "latest: <count>" or a list of 1 to 1024 items, each an integer from 1 to 9007199254740991, got "latest"',
      ],
    ],
    ["versions: []", ["line 1: versions must be a list of 1 to 1024 items, each an integer from 1 to 9007199254740991, got 0 items"]],
    [
      "versions: [0, 1, 1]",
      ["line 1: versions[0] must be an integer from 1 to 9007199254740991, got 0", 'line 1: versions[2] repeats "1"'],
    ],
    ["required: yes", ['line 1: required must be true or false, got "yes"']],
    [`description: ${"x".repeat(1001)}`, ["line 1: description must be text of at most 1000 characters, got 1001 characters"]],
    ["inputs: x", ['line 1: inputs must be a list of 0 to 1024 items, each a mapping with the keys name, description, columns, got "x"']],
    ["inputs:\n  - x", ['line 2: inputs[0] must be a mapping with the keys name, description, columns, got "x"']],
    ["inputs:\n  - description: d", ["line 2: inputs[0] needs the key name"]],
    ["inputs:\n  - name: a\n  - name: a", ['line 3: inputs[1] repeats "a"']],
    ["inputs:\n  - name: a\n    labels: [x]", ["line 3: inputs[0].labels is not a known key"]],
    ["outputs:\n  - name: a\n    lables: [x]", ["line 3: outputs[0].lables is not a known key; did you mean labels?"]],
    [
      "outputs:\n  - name: a\n    labels:\n      - 0",
      ["line 4: outputs[0].labels[0] must be text of 1 to 256 characters, got 0 (write it in quotes)"],
    ],
    ["inputs: [{name: a, columns: [b, b]}]", ['line 1: inputs[0].columns[1] repeats "b"']],
    ["maxBatchsize: 4", ["line 1: maxBatchsize is not a known key; did you mean maxBatchSize?"]],
    ["max_batch_size: 4", ["line 1: max_batch_size is not a known key; did you mean maxBatchSize?"]],
    ["__proto__: {required: true}", ["line 1: __proto__ is not a known key"]],
    ["constructor: 1", ["line 1: constructor is not a known key"]],
    ["inputs: [{__proto__: {name: a}}]", ["line 1: inputs[0].__proto__ is not a known key", "line 1: inputs[0] needs the key name"]],
    ["required: !!js/function 'x'", [expect.stringMatching(/^line 1: /) as unknown as string]],
    ["just text", ["line 1: must be a mapping of keys to values"]],
    ["a: 1\n---\nb: 1", [expect.stringMatching(/^line \d: .*multiple documents/) as unknown as string]],
  ];
  test.each(cases.map(([text, problems]) => ({ text, problems, start: text.slice(0, 60) })))("$start", ({ text, problems }) => {
    expect(problemsOf(text)).toEqual(problems);
  });

  test("everything wrong is in one message", () => {
    expect(() => parseManifest("maxBatchSize: -1\nrequired: 1\nnmae: x")).toThrow(
      "model.yaml cannot be used: line 1: maxBatchSize must be an integer from 0 to 65536, got -1; line 2: required must be true or false, got 1; line 3: nmae is not a known key",
    );
  });

  test("a message stays short whatever the file holds", () => {
    const text = `outputs: [{name: a, labels: [${"0,".repeat(60_000)}]}]`;
    expect(() => parseManifest(text)).toThrow(/; and 59980 more$/);
    expect(problemsOf("x".repeat(2_000_000))).toEqual(["must be at most 1048576 characters, got 2000000"]);
  });
});

describe("padding", () => {
  test("inputs alone are enough", () => {
    expect(parseManifest("padding: { inputs: { ids: {}, mask: { mask: true } } }").padding).toEqual({
      inputs: new Map([
        ["ids", { dimension: 1, value: 0, mask: false }],
        ["mask", { dimension: 1, value: 0, mask: true }],
      ]),
      minLength: 16,
      maxLength: 512,
      bucketRatio: 1.5,
      maxBatchTokens: 16_384,
    });
  });

  test("every key", () => {
    const text = `
padding:
  inputs: { x: { dimension: 2, value: -1.5 } }
  minLength: 8
  maxLength: 2048
  bucketRatio: 2
  maxBatchTokens: 100000
`;
    expect(parseManifest(text).padding).toEqual({
      inputs: new Map([["x", { dimension: 2, value: -1.5, mask: false }]]),
      minLength: 8,
      maxLength: 2048,
      bucketRatio: 2,
      maxBatchTokens: 100_000,
    });
  });

  test.each([
    ["padding: {}", "line 1: padding needs the key inputs"],
    ["padding: { inputs: {} }", "line 1: padding.inputs must name at least one input"],
    ["padding: { inputs: { m: { mask: true } } }", "line 1: padding.inputs must name an input that is not a mask, which tells the length"],
    ["padding: { inputs: { x: { dimension: 0 } } }", "line 1: padding.inputs.x.dimension must be an integer from 1 to 15, got 0"],
    ["padding: { inputs: { x: { pad: 0 } } }", "line 1: padding.inputs.x.pad is not a known key"],
    ["padding: { inputs: { x: {} }, minLength: 600 }", "line 1: padding.minLength must be at most maxLength, 512, got 600"],
    ["padding: { inputs: { x: {} }, bucketRatio: 1 }", "line 1: padding.bucketRatio must be a number from 1.05 to 16, got 1"],
    [
      "padding: { inputs: { x: {} }, bucketRatio: 1.05 }",
      "line 1: padding.bucketRatio gives 72 lengths from 16 to 512; at most 48 are allowed",
    ],
    ["padding: { inputs: { x: {} }, maxBatchTokens: 0 }", "line 1: padding.maxBatchTokens must be an integer from 1 to 2147483647, got 0"],
  ])("%s: %s", (text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });
});
