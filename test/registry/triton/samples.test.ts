// Whole configurations as they stand in model repositories.

import { expect, test } from "@jest/globals";
import { PLAIN_QUEUE } from "../../../src/engine/queue-policy.ts";
import { mapConfig } from "../../../src/registry/triton/map-config.ts";
import { parseConfigText } from "../../../src/registry/triton/parse-config.ts";

const SIMPLE = `
name: "simple"
platform: "onnxruntime_onnx"
max_batch_size: 8
input [
  {
    name: "INPUT0"
    data_type: TYPE_INT32
    dims: [ 16 ]
  },
  {
    name: "INPUT1"
    data_type: TYPE_INT32
    dims: [ 16 ]
  }
]
output [
  {
    name: "OUTPUT0"
    data_type: TYPE_INT32
    dims: [ 16 ]
  },
  {
    name: "OUTPUT1"
    data_type: TYPE_INT32
    dims: [ 16 ]
  }
]
`;

const DENSENET = `
name: "densenet_onnx"
platform: "onnxruntime_onnx"
max_batch_size : 0
input [
  {
    name: "data_0"
    data_type: TYPE_FP32
    format: FORMAT_NCHW
    dims: [ 3, 224, 224 ]
    reshape { shape: [ 1, 3, 224, 224 ] }
  }
]
output [
  {
    name: "fc6_1"
    data_type: TYPE_FP32
    dims: [ 1000 ]
    reshape { shape: [ 1, 1000, 1, 1 ] }
    label_filename: "densenet_labels.txt"
  }
]
`;

const TEXTS = `
# Texts in, a label and a score out.
name: "toxicity"
backend: "onnxruntime"
max_batch_size: 64
input { name: "text" data_type: TYPE_STRING dims: [ 1 ] reshape: { shape: [ ] } }
output { name: "label" data_type: TYPE_STRING dims: [ 1 ] reshape: { shape: [ ] } }
output { name: "score" data_type: TYPE_FP32 dims: [ 1 ] reshape: { shape: [ ] } }
dynamic_batching { }
version_policy: { all { } }
`;

const QUEUES = `
name: "ranker"
backend: "onnxruntime"
default_model_filename: "ranker.onnx"
max_batch_size: 32
instance_group [ { count: 2, kind: KIND_CPU } ]
dynamic_batching {
  preferred_batch_size: [ 16, 32 ]
  max_queue_delay_microseconds: 500
  priority_levels: 2
  default_priority_level: 2
  default_queue_policy {
    timeout_action: REJECT
    default_timeout_microseconds: 50000
    allow_timeout_override: true
    max_queue_size: 128
  }
  priority_queue_policy {
    key: 1
    value: { timeout_action: DELAY, default_timeout_microseconds: 10000 }
  }
}
optimization { graph { level: 1 } input_pinned_memory { enable: true } }
parameters { key: "intra_op_thread_count" value: { string_value: "2" } }
parameters { key: "gpu_mem_limit" value: { string_value: "4294967200" } }
parameters { key: "owner" value: { string_value: "ranking" } }
model_warmup [
  {
    name: "full"
    batch_size: 32
    inputs { key: "features" value: { data_type: TYPE_FP32 dims: [ 20 ] random_data: true } }
  },
  {
    name: "real"
    batch_size: 1
    inputs { key: "features" value: { data_type: TYPE_FP32 dims: [ 20 ] input_data_file: "raw/features" } }
    count: 5
  }
]
`;

const GPU = `
name: "gpu"
platform: "onnxruntime_onnx"
instance_group [ { kind: KIND_GPU gpus: [ 0 ] } ]
optimization { execution_accelerators {
  gpu_execution_accelerator : [ { name : "tensorrt" parameters { key: "precision_mode" value: "FP16" } } ]
} }
`;

const ENSEMBLE = `
name: "pipeline"
platform: "ensemble"
max_batch_size: 1
input [ { name: "IMAGE" data_type: TYPE_UINT8 dims: [ -1 ] } ]
output [ { name: "CLASS" data_type: TYPE_FP32 dims: [ 1000 ] } ]
ensemble_scheduling {
  step [ { model_name: "resize" model_version: -1 input_map { key: "RAW" value: "IMAGE" } output_map { key: "OUT" value: "CLASS" } } ]
}
`;

const INT32_16 = { dtype: "INT32", dims: [16], reshape: undefined };

test.each([
  [
    "simple",
    SIMPLE,
    {
      maxBatchSize: 8,
      sharesRuns: false,
      versions: { kind: "latest", count: 1 },
      declaredInputs: [
        { name: "INPUT0", ...INT32_16 },
        { name: "INPUT1", ...INT32_16 },
      ],
      declaredOutputs: [
        { name: "OUTPUT0", ...INT32_16 },
        { name: "OUTPUT1", ...INT32_16 },
      ],
    },
    [],
  ],
  [
    "densenet_onnx",
    DENSENET,
    {
      maxBatchSize: 0,
      sharesRuns: false,
      declaredInputs: [{ name: "data_0", dtype: "FP32", dims: [3, 224, 224], reshape: [1, 3, 224, 224] }],
      declaredOutputs: [{ name: "fc6_1", dtype: "FP32", dims: [1000], reshape: [1, 1000, 1, 1] }],
      labelFiles: new Map([["fc6_1", "densenet_labels.txt"]]),
    },
    ["warning input[0].format"],
  ],
  [
    "toxicity",
    TEXTS,
    {
      maxBatchSize: 64,
      sharesRuns: true,
      queue: PLAIN_QUEUE,
      versions: { kind: "all" },
      declaredInputs: [{ name: "text", dtype: "STRING", dims: [1], reshape: [] }],
    },
    [],
  ],
  [
    "ranker",
    QUEUES,
    {
      modelFile: "ranker.onnx",
      maxBatchSize: 32,
      sharesRuns: true,
      preferredBatchSizes: [16, 32],
      maxQueueDelayMs: 0.5,
      instances: 2,
      executionProviders: ["cpu"],
      intraOpThreads: 2,
      graphOptimization: "extended",
      declaredInputs: undefined,
      queue: {
        levels: 2,
        defaultLevel: 2,
        defaultPolicy: { timeoutMs: 50, onTimeout: "reject", allowOverride: true, maxQueueRequests: 128 },
        policies: new Map([[1, { timeoutMs: 10, onTimeout: "delay", allowOverride: false, maxQueueRequests: 0 }]]),
      },
      warmupPlans: [
        { name: "full", rows: 32, count: 1, inputs: [{ name: "features", dtype: "FP32", dims: [20], source: { kind: "random" } }] },
        {
          name: "real",
          rows: 1,
          count: 5,
          inputs: [{ name: "features", dtype: "FP32", dims: [20], source: { kind: "file", fileName: "raw/features" } }],
        },
      ],
    },
    [
      "warning dynamic_batching.max_queue_delay_microseconds",
      "warning optimization.input_pinned_memory",
      "warning parameters.gpu_mem_limit",
    ],
  ],
  [
    "gpu",
    GPU,
    { maxBatchSize: undefined, sharesRuns: true, executionProviders: ["cuda", "cpu"], instances: undefined, deviceIds: [0] },
    [
      "warning optimization.execution_accelerators.gpu_execution_accelerator[0].name",
      "warning optimization.execution_accelerators.gpu_execution_accelerator[0].parameters.precision_mode",
    ],
  ],
  ["pipeline", ENSEMBLE, {}, ["refusal platform", "refusal ensemble_scheduling"]],
] as const)("%s", (name, text, settings, expected) => {
  const mapped = mapConfig(name, parseConfigText(text));
  expect(mapped.settings).toMatchObject(settings);
  expect(mapped.findings.filter(({ level }) => level !== "mapped").map(({ level, field }) => `${level} ${field}`)).toEqual(expected);
});
