// `predictd migrate` over folders of models that are never opened.

import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { MANIFEST_KEYS, overlayManifest, parseManifest } from "../../src/registry/manifest.ts";
import { DEFAULT_MODEL_SETTINGS } from "../../src/registry/model-settings.ts";
import type { CliRun } from "./support/run-cli.ts";
import { runHere } from "./support/run-here.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "predictd-migrate-"));
});

afterEach(() => rm(folder, { recursive: true }));

/** Writes files by path. */
async function files(content: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(content)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

const migrate = (...flags: readonly string[]): Promise<CliRun> => runHere(["migrate", folder, ...flags]);

interface Migrated {
  readonly name: string;
  readonly isServable: boolean;
  readonly problem: string;
  readonly versions: readonly string[];
  readonly warnings: readonly string[];
  readonly findings: readonly { readonly field: string; readonly level: string; readonly text: string }[];
  readonly modelYaml?: string;
  readonly modelYamlCannotSay?: readonly string[];
  readonly config?: Readonly<Record<string, unknown>>;
}

async function migrated(): Promise<readonly Migrated[]> {
  return JSON.parse((await migrate("--json")).stdout) as readonly Migrated[];
}

describe("for people", () => {
  test("a model that can be served: what acts, what does not, and the model.yaml that says the same", async () => {
    await files({
      "net/1/model.onnx": "",
      "net/3/model.onnx": "",
      "net/names.txt": "cat\ndog\n",
      "net/config.pbtxt": `
        name: "net"
        max_batch_size: 8
        input { name: "x" data_type: TYPE_FP32 dims: 4 }
        output { name: "y" data_type: TYPE_FP32 dims: 2 label_filename: "names.txt" }
        instance_group { kind: KIND_CPU count: 2 }
        dynamic_batching { max_queue_delay_microseconds: 5000 preserve_ordering: true }
        response_cache { enable: true }
      `,
    });
    expect(await migrate()).toEqual({
      code: 0,
      stderr: "",
      stdout: `net: nothing is in the way of version 3

           config.pbtxt
  acts     name                                           is the folder's name
  acts     version_policy                                 is not given: the newest version is served
  acts     max_batch_size                                 lets a run take 8 rows
  acts     dynamic_batching                               lets requests share runs
  acts     dynamic_batching.preserve_ordering             runs and answers requests in the order of their arrival
  acts     dynamic_batching.max_queue_delay_microseconds  lets a request wait up to 5 ms for others, while that saves time (gate: fixed waits always)
  acts     input[0]                                       declares "x" as FP32 [4] in a row
  acts     output[0]                                      declares "y" as FP32 [2] in a row
  acts     output[0].label_filename                       names the classes of "y" by the lines of "names.txt"
  acts     instance_group                                 asks for 2 instances in all
  acts     instance_group[0].kind                         is KIND_CPU: the model runs on the CPU
  warning  response_cache.enable                          is left out: every request is run

  model.yaml that says the same, as far as it has words:

    maxBatchSize: 8
    preserveOrdering: true
    maxQueueDelayMs: 5
    instances: 2
    executionProviders: [cpu]
    versions:
      latest: 1
    outputs:
      - name: y
        labels: [cat, dog]

  Only config.pbtxt can say: declared inputs and outputs, which the file is held against

1 model, nothing in its configuration is in the way; model files were not opened
`,
    });
  });

  test("models that are refused, models without a configuration, folders without models", async () => {
    await files({
      "a/1/model.plan": "",
      "a/config.pbtxt": 'platform: "tensorrt_plan"',
      "b/1/model.onnx": "",
      "c/config.pbtxt": "max_batch_size: 8\ndims: 3",
      "c/1/model.onnx": "",
      "d/1/model.onnx": "",
      "d/config.pbtxt": "version_policy { all {} }",
      "docs/README": "",
    });
    expect(await migrate()).toEqual({
      code: 1,
      stderr: "",
      stdout: `a: cannot be served

           config.pbtxt
  acts     version_policy  is not given: the newest version is served
  refused  platform        must be "onnxruntime_onnx", got "tensorrt_plan": only ONNX models are served

b: nothing is in the way of version 1
  No config.pbtxt: nothing to map

c: cannot be served
  config.pbtxt cannot be used: line 2: unknown field "dims" for message ModelConfig

d: nothing is in the way of version 1

        config.pbtxt
  acts  version_policy.all  serves every version

  Without config.pbtxt it would be served in the same way

4 models, 2 of which cannot be served: a, c; model files were not opened
`,
    });
  });

  test("an empty folder", async () => {
    expect(await migrate()).toEqual({ code: 0, stderr: "", stdout: "The folder holds no models.\n" });
  });

  test("nothing that a repository holds reaches the terminal as a command", async () => {
    await files({
      "net/1/model.onnx": "",
      "net/names.txt": "\u001B[2Jcat\n\u009B2Jdog\nbell\u0007\n",
      "net/config.pbtxt": 'output { name: "y\\033[2J" data_type: TYPE_FP32 dims: 2 label_filename: "names.txt" }',
    });
    const { code, stdout } = await migrate();
    expect(code).toBe(0);
    expect(stdout).toContain("cat");
    expect(stdout.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  });
});

/** A value of each key that is not what holds without it. */
const MANIFEST_VALUES: Readonly<Record<string, string>> = {
  description: "What it is for",
  required: "true",
  maxBatchSize: "8",
  padding:
    "{ inputs: { ids: { dimension: 2, value: -1.5 }, mask: { mask: true } }, minLength: 2, maxLength: 50, bucketRatio: 2, maxBatchTokens: 99 }",
  admission: "lenient",
  allowedBatchSizes: "[1, 8]",
  preferredBatchSizes: "[2, 8]",
  preserveOrdering: "true",
  maxQueueDelayMs: "7",
  gate: "fixed",
  maxQueueRows: "99",
  maxQueueBytes: "4096",
  execution: "process",
  instances: "3",
  intraOpThreads: "2",
  executionProviders: "[cpu]",
  deviceIds: "[0, 1]",
  tune: "auto",
  tuneBudgetMs: "700",
  objectiveMs: "60",
  warmupRuns: "9",
  warmupBudgetMs: "900",
  warmupDims: "{ sequence: 12 }",
  versions: "{ latest: 1 }",
  inputs: "[{ name: x, description: One, columns: [a] }]",
  outputs: "[{ name: y, labels: [no, yes] }]",
};

describe("json", () => {
  test("one object a model", async () => {
    await files({
      "net/1/model.onnx": "",
      "net/config.pbtxt": 'max_batch_size: 8 dynamic_batching {} metric_tags { key: "a" value: "b" }',
      "other/model.onnx": "",
    });
    expect(await migrated()).toEqual([
      {
        name: "net",
        isServable: true,
        problem: "",
        versions: ["1"],
        warnings: [],
        findings: [
          { field: "version_policy", level: "mapped", text: "is not given: the newest version is served" },
          { field: "max_batch_size", level: "mapped", text: "lets a run take 8 rows" },
          { field: "dynamic_batching", level: "mapped", text: "lets requests share runs" },
          { field: "metric_tags", level: "warning", text: "is left out: metrics carry model and version only" },
        ],
        modelYaml: "maxBatchSize: 8\nversions:\n  latest: 1\n",
        modelYamlCannotSay: [],
        config: expect.objectContaining({ max_batch_size: 8, metric_tags: { a: "b" }, instance_group: [] }),
      },
      { name: "other", isServable: true, problem: "", versions: ["1"], warnings: [], findings: [] },
    ]);
  });

  test("the model.yaml gives the settings that config.pbtxt gave", async () => {
    await files({
      "net/2/model.onnx": "",
      "net/names.txt": "0\nno\n- x: 'y'\n",
      "net/config.pbtxt": `
        max_batch_size: 16
        version_policy { specific { versions: [ 2 ] } }
        output { name: "y: #1" data_type: TYPE_FP32 dims: 3 label_filename: "names.txt" }
        instance_group { kind: KIND_GPU count: 3 }
        parameters { key: "intra_op_thread_count" value { string_value: "2" } }
        dynamic_batching { max_queue_delay_microseconds: 2000 }
      `,
    });
    const [model] = await migrated();
    expect(overlayManifest(DEFAULT_MODEL_SETTINGS, parseManifest(model!.modelYaml!))).toEqual({
      ...DEFAULT_MODEL_SETTINGS,
      source: "model.yaml",
      maxBatchSize: 16,
      versions: { kind: "specific", versions: ["2"] },
      instances: 3,
      executionProviders: ["cuda", "cpu"],
      intraOpThreads: 2,
      maxQueueDelayMs: 2,
      outputNotes: [{ name: "y: #1", description: "", columns: [], labels: ["0", "no", "- x: 'y'"] }],
    });
  });

  test.each(MANIFEST_KEYS)("%s of a model.yaml beside config.pbtxt is said again", async (key) => {
    const said = `${key}: ${MANIFEST_VALUES[key]}\n`;
    await files({ "net/1/model.onnx": "", "net/config.pbtxt": "version_policy { all {} }", "net/model.yaml": said });
    const [model] = await migrated();
    expect(model).toMatchObject({ isServable: true, problem: "" });
    const given = overlayManifest(DEFAULT_MODEL_SETTINGS, parseManifest(said));
    expect(given).not.toEqual({ ...DEFAULT_MODEL_SETTINGS, source: "model.yaml" });
    expect(overlayManifest(DEFAULT_MODEL_SETTINGS, parseManifest(model!.modelYaml!))).toEqual(given);
  });

  test("what only config.pbtxt can say", async () => {
    await files({
      "net/1/net.bin": "",
      "net/config.pbtxt": `
        default_model_filename: "net.bin"
        max_batch_size: 4
        input { name: "x" data_type: TYPE_FP32 dims: 4 reshape { shape: [ 2, 2 ] } }
        optimization { graph { level: 1 } }
        parameters [ { key: "execution_mode" value { string_value: "1" } }, { key: "inter_op_thread_count" value { string_value: "2" } } ]
        model_warmup { name: "w" batch_size: 1 }
        dynamic_batching { max_queue_delay_microseconds: 2500 default_queue_policy { max_queue_size: 3 } }
      `,
      "alone/1/model.onnx": "",
      "alone/config.pbtxt":
        'max_batch_size: 4 input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 }',
    });
    expect((await migrated()).map(({ name, isServable, modelYamlCannotSay }) => [name, isServable, modelYamlCannotSay])).toEqual([
      ["alone", true, ["that requests do not share runs", "declared inputs and outputs, which the file is held against"]],
      [
        "net",
        true,
        [
          'the file "net.bin"',
          "a wait of 2.5 ms",
          "priorities and queue policies",
          "inter_op_thread_count",
          "execution_mode",
          "optimization.graph.level",
          "warm-up requests",
          "reshaped inputs and outputs",
          "declared inputs and outputs, which the file is held against",
        ],
      ],
    ]);
  });
});

function net(config: string): Readonly<Record<string, string>> {
  return { "net/1/model.onnx": "", "net/config.pbtxt": config };
}

describe("why a model cannot be served", () => {
  test.each([
    ["a backend that is not here", net('backend: "python"'), 'The configuration asks for the backend "python"; predictd has onnxruntime.'],
    ["a version that is not there", net("version_policy { specific { versions: 7 } }"), /version 7/],
    ["a file that is not there", net('default_model_filename: "other.onnx"'), /version/],
    [
      "class names that are not there",
      net('output { name: "y" data_type: TYPE_FP32 dims: 1 label_filename: "no.txt" }'),
      /no\.txt.*ENOENT/,
    ],
    [
      "a configuration that is too long",
      net(`# ${"x".repeat(1_048_576)}`),
      "config.pbtxt cannot be used: it must have at most 1048576 characters",
    ],
  ])("%s", async (_why, content, problem) => {
    await files(content);
    const run = await migrate();
    expect(run.code).toBe(1);
    expect(run.stdout).toContain("net: cannot be served");
    const [model] = await migrated();
    expect(model!.problem).toEqual(problem instanceof RegExp ? expect.stringMatching(problem) : problem);
    expect(model!.problem).not.toContain(folder);
  });

  test("class names behind a link that leaves the model's folder", async () => {
    await files({ ...net('output { name: "y" data_type: TYPE_FP32 dims: 1 label_filename: "names.txt" }'), "secret.txt": "secret" });
    await symlink(join(folder, "secret.txt"), join(folder, "net/names.txt"));
    const run = await migrate();
    expect(run.code).toBe(1);
    expect(run.stdout).not.toContain("secret\n");
  });
});

describe("folders that cannot be used", () => {
  test("one that is not there", async () => {
    expect(await runHere(["migrate", join(folder, "none")])).toEqual({
      code: 2,
      stdout: "",
      stderr: `error: The model folder ${join(folder, "none")} does not exist.\n`,
    });
  });

  test("a file", async () => {
    await files({ "file.onnx": "" });
    expect(await runHere(["migrate", join(folder, "file.onnx")])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/is not a folder\.\n$/),
    });
  });

  test("the folder of one model", async () => {
    await files({ "net/1/model.onnx": "", "net/config.pbtxt": "" });
    expect(await runHere(["migrate", join(folder, "net")])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/holds a config\.pbtxt itself: give the folder above it/),
    });
  });

  test("none", async () => {
    expect(await runHere(["migrate"])).toMatchObject({ code: 2, stderr: expect.stringMatching(/missing required argument 'folder'/) });
  });
});
