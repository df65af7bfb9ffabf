// The configuration that callers are shown, and its JSON form.

import { describe, expect, test } from "@jest/globals";
import { ModelConfig } from "../../../generated/inference/model_config.ts";
import type { ModelSettings } from "../../../src/registry/model-settings.ts";
import { DEFAULT_MODEL_SETTINGS } from "../../../src/registry/model-settings.ts";
import type { ServedModel } from "../../../src/registry/triton/complete-config.ts";
import { completeConfig } from "../../../src/registry/triton/complete-config.ts";
import { configToJson } from "../../../src/registry/triton/config-json.ts";
import { mapConfig } from "../../../src/registry/triton/map-config.ts";
import { parseConfigJson } from "../../../src/registry/triton/parse-config.ts";
import type { DType } from "../../../src/tensor/dtype.ts";
import type { TensorSpec } from "../../../src/tensor/signature.ts";
import { settingsOf } from "./map-text.ts";

function spec(name: string, dtype: DType, ...sizes: readonly number[]): TensorSpec {
  return { name, dtype, dims: sizes.map((size) => ({ size, symbol: "" })), description: "", columns: [], labels: [] };
}

function served(settings: ModelSettings, loaded: Partial<ServedModel["loaded"]> = {}): ServedModel {
  const signature = { inputs: [spec("x", "FP32", -1, 4)], outputs: [spec("y", "STRING", -1), spec("p", "FP32", -1, -1, 2)] };
  return {
    name: "m",
    settings,
    loaded: { signature, maxBatchSize: 8, sharesRuns: true, instances: 2, provider: "cpu", deviceIds: [], ...loaded },
    maxQueueDelayMs: 2,
    modelFile: "model.onnx",
  };
}

function onCuda(deviceIds: readonly number[], instances: number) {
  return onTheWire(served(DEFAULT_MODEL_SETTINGS, { provider: "cuda", deviceIds, instances })).instanceGroup;
}

/** As it goes over the wire. */
function onTheWire(model: ServedModel): ModelConfig {
  return ModelConfig.decode(ModelConfig.encode(completeConfig(model)).finish());
}

const tensor = { isShapeTensor: false, isNonLinearFormatIo: false, reshape: undefined };

describe("a folder of our own", () => {
  test("an input that requests may leave out is optional", () => {
    const signature = { inputs: [spec("x", "FP32", -1, 4), { ...spec("mask", "FP32", -1, -1), optional: true }], outputs: [] };
    expect(onTheWire(served(DEFAULT_MODEL_SETTINGS, { signature })).input.map(({ optional }) => optional)).toEqual([false, true]);
  });

  test("everything is inferred", () => {
    expect(onTheWire(served(DEFAULT_MODEL_SETTINGS))).toEqual(
      ModelConfig.fromPartial({
        name: "m",
        platform: "onnxruntime_onnx",
        backend: "onnxruntime",
        versionPolicy: { policyChoice: { $case: "all", value: {} } },
        maxBatchSize: 8,
        input: [{ ...tensor, name: "x", dataType: 11, dims: [4n], format: 0, allowRaggedBatch: false, optional: false }],
        output: [
          { ...tensor, name: "y", dataType: 13, dims: [], labelFilename: "" },
          { ...tensor, name: "p", dataType: 11, dims: [-1n, 2n], labelFilename: "" },
        ],
        schedulingChoice: {
          $case: "dynamicBatching",
          value: {
            preferredBatchSize: [8],
            maxQueueDelayMicroseconds: 2000n,
            preserveOrdering: false,
            priorityLevels: 0n,
            defaultPriorityLevel: 0n,
            defaultQueuePolicy: { timeoutAction: 0, defaultTimeoutMicroseconds: 0n, allowTimeoutOverride: true, maxQueueSize: 0 },
            priorityQueuePolicy: new Map(),
          },
        },
        instanceGroup: [{ name: "m", kind: 2, count: 2 }],
        defaultModelFilename: "model.onnx",
        modelTransactionPolicy: { decoupled: false },
        responseCache: { enable: false },
      }),
    );
  });

  test("without rows the dims are whole and nothing is batched", () => {
    const { input, maxBatchSize, schedulingChoice } = onTheWire(served(DEFAULT_MODEL_SETTINGS, { maxBatchSize: 0, sharesRuns: false }));
    expect({ dims: input[0]?.dims, maxBatchSize, schedulingChoice }).toEqual({
      dims: [-1n, 4n],
      maxBatchSize: 0,
      schedulingChoice: undefined,
    });
  });

  test("rows that requests do not share", () => {
    const { maxBatchSize, schedulingChoice } = onTheWire(served(DEFAULT_MODEL_SETTINGS, { sharesRuns: false }));
    expect({ maxBatchSize, schedulingChoice }).toEqual({ maxBatchSize: 8, schedulingChoice: undefined });
  });

  test("a GPU", () => {
    expect(onCuda([0], 2)).toMatchObject([{ kind: 1, count: 2, gpus: [0] }]);
    expect(onCuda([1, 3], 4)).toMatchObject([{ kind: 1, count: 2, gpus: [1, 3] }]);
    expect(onCuda([0, 1], 3)).toMatchObject([{ kind: 1, count: 2, gpus: [0, 1] }]);
  });

  test.each([
    [
      { kind: "latest", count: 3 },
      { $case: "latest", value: { numVersions: 3 } },
    ],
    [
      { kind: "specific", versions: ["9007199254740993"] },
      { $case: "specific", value: { versions: [9_007_199_254_740_993n] } },
    ],
  ] as const)("versions %j", (versions, policyChoice) => {
    expect(onTheWire(served({ ...DEFAULT_MODEL_SETTINGS, versions })).versionPolicy).toEqual({ policyChoice });
  });
});

describe("a given configuration", () => {
  test("is corrected by what acts, and shown again where nothing does", () => {
    const config = onTheWire(
      served(
        settingsOf(`
          max_batch_size: 8
          input { name: "x" data_type: TYPE_FP32 dims: 4 optional: true reshape { shape: [ 2, 2 ] } }
          output [ { name: "p" data_type: TYPE_FP32 dims: [ -1, 2 ] label_filename: "p.txt" } ]
          instance_group [ { name: "a" kind: KIND_GPU count: 1 }, { name: "b" kind: KIND_GPU count: 1 } ]
          response_cache { enable: true }
          metric_tags { key: "team" value: "red" }
          parameters { key: "mine" value { string_value: "1" } }
          optimization { graph { level: 1 } eager_batching: true }
          dynamic_batching { preferred_batch_size: [ 2, 4 ] preserve_ordering: true max_queue_delay_microseconds: 2000 }
        `),
        { signature: { inputs: [spec("x", "FP32", -1, 4)], outputs: [spec("p", "FP32", -1, -1, 2)] } },
      ),
    );
    expect(config).toMatchObject({
      name: "m",
      versionPolicy: { policyChoice: { $case: "latest", value: { numVersions: 1 } } },
      input: [{ name: "x", dims: [4n], optional: false, reshape: { shape: [2n, 2n] } }],
      output: [{ name: "p", dims: [-1n, 2n], labelFilename: "p.txt" }],
      instanceGroup: [{ name: "a", kind: 2, count: 2, gpus: [] }],
      responseCache: { enable: false },
      metricTags: { team: "red" },
      parameters: { mine: { stringValue: "1" } },
      optimization: { graph: { level: 1 }, eagerBatching: true },
      schedulingChoice: { value: { preferredBatchSize: [2, 4], preserveOrdering: true, maxQueueDelayMicroseconds: 2000n } },
    });
  });

  test.each([
    [0, [1n], undefined],
    [8, [1n], { shape: [] }],
  ])("an input of single values, with max_batch_size %i", (maxBatchSize, dims, reshape) => {
    const signature = { inputs: [spec("x", "FP32", ...(maxBatchSize > 0 ? [-1] : []))], outputs: [spec("y", "FP32", -1)] };
    const model = served(DEFAULT_MODEL_SETTINGS, { signature, maxBatchSize });
    expect(onTheWire(model).input).toMatchObject([{ dims, reshape }]);
    const back = mapConfig("m", parseConfigJson(JSON.stringify(configToJson(completeConfig(model)))));
    expect(back.findings.filter(({ level }) => level !== "mapped")).toEqual([]);
  });

  test("sent back in its JSON form it means the same", () => {
    const settings = settingsOf(`
      max_batch_size: 8
      version_policy { specific { versions: [ 1, 3 ] } }
      input { name: "x" data_type: TYPE_FP32 dims: 4 }
      output [ { name: "y" data_type: TYPE_STRING dims: [] }, { name: "p" data_type: TYPE_FP32 dims: [ -1, 2 ] } ]
      instance_group { count: 2 kind: KIND_CPU }
      optimization { graph { level: 2 } }
      parameters { key: "intra_op_thread_count" value { string_value: "1" } }
      model_warmup { name: "w" batch_size: 1 inputs { key: "x" value { data_type: TYPE_FP32 dims: 4 zero_data: true } } }
      dynamic_batching {
        max_queue_delay_microseconds: 2000 priority_levels: 2 default_priority_level: 2
        default_queue_policy { default_timeout_microseconds: 1500 allow_timeout_override: true }
        priority_queue_policy { key: 1 value { timeout_action: DELAY max_queue_size: 9 } }
      }
    `);
    const back = mapConfig("m", parseConfigJson(JSON.stringify(configToJson(completeConfig(served(settings))))));
    expect(back.findings.filter(({ level }) => level !== "mapped")).toEqual([]);
    const same = { modelFile: "model.onnx", config: expect.anything() };
    expect(back.settings).toEqual({ ...settings, ...same, source: "load call" });
  });
});

describe("json", () => {
  test("snake_case, defaults printed, messages that are not set left out, 64-bit numbers as numbers", () => {
    const json = configToJson(completeConfig(served(DEFAULT_MODEL_SETTINGS))) as Record<string, unknown>;
    expect(json).toMatchObject({
      max_batch_size: 8,
      runtime: "",
      batch_input: [],
      metric_tags: {},
      version_policy: { all: {} },
      input: [{ name: "x", data_type: "TYPE_FP32", format: "FORMAT_NONE", dims: [4], optional: false, is_shape_tensor: false }],
      instance_group: [{ kind: "KIND_CPU", gpus: [], count: 2, passive: false }],
      dynamic_batching: {
        preferred_batch_size: [8],
        max_queue_delay_microseconds: 2000,
        priority_levels: 0,
        default_queue_policy: { timeout_action: "REJECT", default_timeout_microseconds: 0, allow_timeout_override: true },
        priority_queue_policy: {},
      },
      model_transaction_policy: { decoupled: false },
      response_cache: { enable: false },
    });
    expect(Object.keys(json)).not.toContain("optimization");
    expect(Object.keys(json)).not.toContain("sequence_batching");
  });

  test("maps keep their keys, and numbers beyond 2^53 their digits", () => {
    const { config } = settingsOf(`
      version_policy { specific { versions: [ 1, 9007199254740993 ] } }
      dynamic_batching { priority_levels: 2 default_priority_level: 1 priority_queue_policy { key: 2 value { default_timeout_microseconds: 5 } } }
    `);
    expect(JSON.stringify(configToJson(config!))).toMatch(
      /"versions":\[1,9007199254740993\].*"priority_queue_policy":\{"2":\{"timeout_action":"REJECT","default_timeout_microseconds":5,/,
    );
  });
});
