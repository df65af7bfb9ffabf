// What becomes of single fields: the settings they give, the warnings and the refusals.

import { describe, expect, test } from "@jest/globals";
import { PLAIN_QUEUE } from "../../../src/engine/queue-policy.ts";
import type { ModelSettings } from "../../../src/registry/model-settings.ts";
import { DEFAULT_MODEL_SETTINGS } from "../../../src/registry/model-settings.ts";
import { findingsOf, mapText, settingsOf } from "./map-text.ts";

const X = 'input { name: "x" data_type: TYPE_FP32 dims: 4 }';
const tensor = (fields: string, kind = "input"): string => `${kind} { name: "t" data_type: TYPE_FP32 ${fields} }`;
const batching = (fields: string): string => `max_batch_size: 8 dynamic_batching { ${fields} }`;
const policy = { timeoutMs: 0, onTimeout: "reject", allowOverride: false, maxQueueRequests: 0 };

test("an empty configuration changes only what Triton's defaults change", () => {
  const { settings, findings } = mapText("");
  expect(settings).toEqual({
    ...DEFAULT_MODEL_SETTINGS,
    source: "config.pbtxt",
    versions: { kind: "latest", count: 1 },
    config: expect.anything(),
  });
  expect(findings).toEqual([{ field: "version_policy", level: "mapped", text: "is not given: the newest version is served" }]);
});

describe("settings", () => {
  const cases: readonly (readonly [string, Partial<ModelSettings>])[] = [
    ['name: "m" backend: "onnxruntime" platform: "onnxruntime_onnx"', { backend: "onnxruntime" }],
    ['backend: "streamer" platform: "any" model_transaction_policy { decoupled: true }', { backend: "streamer", decoupled: true }],
    ['default_model_filename: "net.onnx"', { modelFile: "net.onnx" }],
    ["version_policy { all {} }", { versions: { kind: "all" } }],
    ["version_policy {}", { versions: { kind: "all" } }],
    ["version_policy { latest { num_versions: 3 } }", { versions: { kind: "latest", count: 3 } }],
    ["version_policy { latest {} }", { versions: { kind: "latest", count: 1 } }],
    [
      "version_policy { specific { versions: [3, 9007199254740993, 3] } }",
      { versions: { kind: "specific", versions: ["3", "9007199254740993"] } },
    ],

    ["max_batch_size: 8", { maxBatchSize: 8, sharesRuns: true, maxQueueDelayMs: undefined }],
    [`${X} max_batch_size: 8`, { sharesRuns: true }],
    [`${X} output { name: "y" data_type: TYPE_FP32 dims: 1 } max_batch_size: 8`, { maxBatchSize: 8, sharesRuns: false }],
    ["max_batch_size: 0", { maxBatchSize: 0, sharesRuns: false }],
    [X, { maxBatchSize: 0, sharesRuns: false }],
    ["max_batch_size: 8 dynamic_batching {}", { maxBatchSize: 8, sharesRuns: true, queue: PLAIN_QUEUE, maxQueueDelayMs: undefined }],
    ["dynamic_batching {}", { maxBatchSize: undefined, sharesRuns: true }],
    ["max_batch_size: 0 dynamic_batching {}", { maxBatchSize: 0, sharesRuns: false }],
    ["max_batch_size: 100000 dynamic_batching {}", { maxBatchSize: 65_536 }],
    [batching("preferred_batch_size: [ 8, 4 ]"), { preferredBatchSizes: [8, 4] }],
    [batching("preferred_batch_size: 8"), { preferredBatchSizes: [] }],
    [batching("preserve_ordering: true"), { preserveOrdering: true }],
    [batching("max_queue_delay_microseconds: 100"), { maxQueueDelayMs: 0.1 }],
    [batching("max_queue_delay_microseconds: 20000000"), { maxQueueDelayMs: 10_000 }],
    [
      batching(
        "default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 1500 allow_timeout_override: true max_queue_size: 7 }",
      ),
      { queue: { ...PLAIN_QUEUE, defaultPolicy: { timeoutMs: 1.5, onTimeout: "delay", allowOverride: true, maxQueueRequests: 7 } } },
    ],
    [
      batching("priority_levels: 3 default_priority_level: 2 priority_queue_policy { key: 1 value { max_queue_size: 5 } }"),
      {
        queue: {
          levels: 3,
          defaultLevel: 2,
          defaultPolicy: PLAIN_QUEUE.defaultPolicy,
          policies: new Map([[1, { ...policy, maxQueueRequests: 5 } as const]]) as ModelSettings["queue"]["policies"],
        },
      },
    ],
    [batching("priority_queue_policy { key: 1 value { max_queue_size: 5 } } default_priority_level: 1"), { queue: PLAIN_QUEUE }],

    [
      `max_batch_size: 8 ${X} ${tensor("dims: [ -1, 2 ]", "output")}`,
      {
        declaredInputs: [{ name: "x", dtype: "FP32", dims: [4], reshape: undefined }],
        declaredOutputs: [{ name: "t", dtype: "FP32", dims: [-1, 2], reshape: undefined }],
      },
    ],
    [
      `max_batch_size: 8 ${tensor("dims: 1 reshape { shape: [] }")}`,
      { declaredInputs: [{ name: "t", dtype: "FP32", dims: [1], reshape: [] }] },
    ],
    [
      tensor("dims: [ 2, -1, 6 ] reshape { shape: [ 1, 2, -1, 3, 2 ] }"),
      { declaredInputs: [{ name: "t", dtype: "FP32", dims: [2, -1, 6], reshape: [1, 2, -1, 3, 2] }] },
    ],
    [tensor('dims: 10 label_filename: "labels/names.txt"', "output"), { labelFiles: new Map([["t", "labels/names.txt"]]) }],

    ["instance_group [ { kind: KIND_CPU count: 2 }, { kind: KIND_CPU } ]", { instances: 3, executionProviders: ["cpu"] }],
    ["instance_group { kind: KIND_GPU count: 1 gpus: [ 0, 1 ] }", { instances: 1, deviceIds: [0, 1], executionProviders: ["cuda", "cpu"] }],
    ["instance_group { count: 2 gpus: [ 3 ] }", { instances: 2, deviceIds: [3], executionProviders: undefined }],
    ["instance_group { kind: KIND_GPU count: 2 }", { instances: 2, deviceIds: undefined, executionProviders: ["cuda", "cpu"] }],
    [
      "instance_group [ { kind: KIND_GPU count: 2 gpus: 0 }, { kind: KIND_GPU gpus: 1 } ]",
      { instances: 1, deviceIds: [0, 0, 1], executionProviders: ["cuda", "cpu"] },
    ],
    [
      "instance_group [ { kind: KIND_GPU gpus: 0 }, { kind: KIND_GPU gpus: [ 0, 1 ] }, { gpus: 1 } ]",
      { instances: undefined, deviceIds: [0, 1] },
    ],
    ["instance_group [ { kind: KIND_CPU count: 4 }, { kind: KIND_GPU gpus: [ 1 ] } ]", { instances: undefined, deviceIds: [1] }],
    ["instance_group { gpus: [ 2, 1 ] }", { instances: undefined, deviceIds: [2, 1] }],
    ["instance_group { kind: KIND_GPU count: 2000000000 gpus: 0 }", { instances: 256, deviceIds: [0] }],
    ["instance_group { kind: KIND_GPU count: 200 gpus: [ 0, 1 ] }", { instances: 200, deviceIds: [0, 1] }],
    ["instance_group [ { kind: KIND_CPU }, { kind: KIND_GPU } ]", { instances: undefined, executionProviders: ["cuda", "cpu"] }],
    ["instance_group [ { count: 4 } ]", { instances: 4, executionProviders: undefined }],
    ["instance_group [ { kind: KIND_MODEL }, { kind: KIND_CPU } ]", { instances: undefined, executionProviders: undefined }],
    ["instance_group [ { count: 200 }, { count: 200 } ]", { instances: 256 }],

    ["optimization { graph { level: -1 } }", { graphOptimization: "basic" }],
    ["optimization { graph { level: 0 } }", { graphOptimization: "all" }],
    ["optimization { graph { level: 1 } }", { graphOptimization: "extended" }],
    ["optimization { graph { level: 2 } }", { graphOptimization: "disabled" }],
    ["optimization { graph { level: 3 } }", { graphOptimization: "all" }],
    ['parameters { key: "intra_op_thread_count" value { string_value: "3" } }', { intraOpThreads: 3 }],
    ['parameters { key: "intra_op_thread_count" value { string_value: "0" } }', { intraOpThreads: 0 }],
    ['parameters { key: "intra_op_thread_count" value { string_value: "-1" } }', { intraOpThreads: undefined }],
    ['parameters { key: "inter_op_thread_count" value { string_value: " 2 " } }', { interOpThreads: 2 }],
    ['parameters { key: "execution_mode" value { string_value: "1" } }', { parallelExecution: true }],
    ['parameters { key: "execution_mode" value { string_value: "0" } }', { parallelExecution: false }],

    [
      `max_batch_size: 4 model_warmup {
         name: "w" batch_size: 4 count: 3
         inputs { key: "a" value { data_type: TYPE_FP32 dims: [ 2, 3 ] random_data: true } }
         inputs { key: "b" value { data_type: TYPE_STRING dims: 1 zero_data: false } }
         inputs { key: "c" value { data_type: TYPE_INT64 dims: 1 input_data_file: "ids" } }
       }`,
      {
        warmupPlans: [
          {
            name: "w",
            rows: 4,
            count: 3,
            inputs: [
              { name: "a", dtype: "FP32", dims: [2, 3], source: { kind: "random" } },
              { name: "b", dtype: "STRING", dims: [1], source: { kind: "zeros" } },
              { name: "c", dtype: "INT64", dims: [1], source: { kind: "file", fileName: "ids" } },
            ],
          },
        ],
      },
    ],
    ["model_warmup { batch_size: 1 }", { warmupPlans: [{ name: "model_warmup[0]", rows: 1, count: 1, inputs: [] }] }],
    ["model_warmup { name: 'w' }", { warmupPlans: [] }],
  ];
  test.each(cases)("%s", (text, expected) => {
    expect(settingsOf(text)).toMatchObject(expected);
  });
});

describe("warnings", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['runtime: "libtriton.so"', ["runtime is left out: the runtime is the one that predictd brings"]],
    [
      'cc_model_filenames { key: "7.5" value: "a.onnx" }',
      ["cc_model_filenames is left out: the model file does not depend on the kind of GPU"],
    ],
    ['metric_tags { key: "a" value: "b" }', ["metric_tags is left out: metrics carry model and version only"]],
    ["model_metrics {}", ["model_metrics is left out: all models have the same histograms"]],
    ["response_cache { enable: true }", ["response_cache.enable is left out: every request is run"]],
    ["response_cache { enable: false }", []],
    [
      batching("max_queue_delay_microseconds: 999"),
      [
        "dynamic_batching.max_queue_delay_microseconds is below a millisecond, the shortest time that a timer knows: no request waits for others",
      ],
    ],
    [
      batching("max_queue_delay_microseconds: 20000000"),
      ["dynamic_batching.max_queue_delay_microseconds is 20000 ms: a request waits at most 10000 ms for others"],
    ],
    [
      batching("default_priority_level: 1 priority_queue_policy { key: 1 }"),
      [
        "dynamic_batching.default_priority_level is left out: there are no priority_levels",
        "dynamic_batching.priority_queue_policy is left out: there are no priority_levels",
      ],
    ],
    ["max_batch_size: 100000", ["max_batch_size is 100000: a run takes at most 65536 rows"]],
    [tensor("dims: [ 3, 8, 8 ] format: FORMAT_NCHW"), ["input[0].format is left out: elements are taken in the order of dims"]],
    [
      tensor("dims: 1 optional: true"),
      ["input[0].optional is left out: only a mask that padding in model.yaml names may be missing from a request"],
    ],
    [
      'instance_group { kind: KIND_GPU gpus: 1 secondary_devices { kind: KIND_NVDLA } profile: "1" host_policy: "numa" rate_limiter {} }',
      [
        "instance_group[0].secondary_devices is left out: there is no such provider",
        "instance_group[0].host_policy is left out: the operating system places threads and memory",
        "instance_group[0].rate_limiter is left out: instances run as soon as they and their device are free",
        "instance_group[0].profile is left out: ONNX models have no profiles",
      ],
    ],
    ["instance_group [ { kind: KIND_CPU }, {} ]", ["instance_group mixes kinds: all instances of a model run on the same provider"]],
    [
      "instance_group [ { kind: KIND_GPU count: 2000000000 gpus: 0 }, { kind: KIND_GPU gpus: 1 }, { kind: KIND_GPU } ]",
      [
        "instance_group names gpus for some groups: those without are left out",
        "instance_group asks for 2000000001 instances on devices: there are at most 64",
      ],
    ],
    ["instance_group { count: 300 }", ["instance_group asks for 300 instances: there are at most 256"]],
    [
      `optimization {
         priority: PRIORITY_MAX eager_batching: true gather_kernel_buffer_threshold: 1
         cuda { graphs: true busy_wait_events: true output_copy_stream: true graph_spec {} }
         input_pinned_memory { enable: false } output_pinned_memory { enable: true }
       }`,
      [
        "optimization.priority is left out: the runtime has one priority; dynamic_batching.priority_levels orders requests",
        "optimization.cuda.graphs is left out: work on the GPU is not recorded",
        "optimization.cuda.graph_spec is left out: work on the GPU is not recorded",
        "optimization.cuda.busy_wait_events is left out: threads sleep while they wait",
        "optimization.cuda.output_copy_stream is left out: outputs are copied in the runtime's own way",
        "optimization.input_pinned_memory is left out: inputs come from memory that workers share",
        "optimization.output_pinned_memory is left out: outputs come from memory that workers share",
        "optimization.gather_kernel_buffer_threshold is left out: batches are put together by the CPU",
        "optimization.eager_batching is left out: a batch is put together when an instance is free",
      ],
    ],
    ["optimization { graph { level: 9 } }", ["optimization.graph.level is 9, which is no level: everything is optimized, as in Triton"]],
    [
      `optimization { execution_accelerators {
         gpu_execution_accelerator [ { name: "tensorrt" parameters { key: "precision_mode" value: "FP16" } }, { name: "cuda" parameters { key: "x" value: "1" } } ]
         cpu_execution_accelerator { name: "openvino" }
       } }`,
      [
        'optimization.execution_accelerators.cpu_execution_accelerator[0].name is "openvino", which is left out: the plain provider runs the model',
        'optimization.execution_accelerators.gpu_execution_accelerator[0].name is "tensorrt", which is left out: the plain provider runs the model',
        "optimization.execution_accelerators.gpu_execution_accelerator[0].parameters.precision_mode is left out: so is its accelerator",
        "optimization.execution_accelerators.gpu_execution_accelerator[1].parameters.x is left out: the provider runs with its defaults",
      ],
    ],
    [
      'parameters { key: "enable_mem_arena" value { string_value: "0" } }',
      ["parameters.enable_mem_arena is left out: the runtime keeps its memory arena"],
    ],
    ['parameters { key: "enable_mem_arena" value { string_value: "1" } }', []],
    [
      'parameters { key: "gpu_mem_limit" value { string_value: "1" } }',
      ["parameters.gpu_mem_limit is left out: the provider runs with its defaults"],
    ],
    [
      'parameters { key: "intra_op_thread_count" value { string_value: "999" } }',
      ["parameters.intra_op_thread_count is 999: there are at most 256 threads"],
    ],
    ['parameters { key: "mine" value { string_value: "1" } }', []],
    [
      'model_warmup { batch_size: 1 count: 4294967295 inputs { key: "x" value { data_type: TYPE_FP32 dims: 1 zero_data: true } } }',
      ["model_warmup[0].count is 4294967295: a request runs at most 1000 times"],
    ],
  ];
  test.each(cases)("%s", (text, expected) => {
    expect(findingsOf("warning", text)).toEqual(expected);
    expect(findingsOf("refusal", text)).toEqual([]);
  });
});

describe("refusals", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['name: "other"', ['name must be the folder\'s name, "m", got "other"']],
    ['platform: "tensorrt_plan"', ['platform must be "onnxruntime_onnx", got "tensorrt_plan": only ONNX models are served']],
    [
      'platform: "ensemble" ensemble_scheduling { step { model_name: "a" } }',
      [
        'platform must be "onnxruntime_onnx", got "ensemble": only ONNX models are served',
        "ensemble_scheduling cannot be honoured: models are not chained",
      ],
    ],
    [
      'backend: "onnxruntime" platform: "pytorch_libtorch"',
      ['platform must be "onnxruntime_onnx", got "pytorch_libtorch": only ONNX models are served'],
    ],
    [
      "model_transaction_policy { decoupled: true }",
      ["model_transaction_policy.decoupled must be false: an ONNX model answers a request exactly once"],
    ],
    [
      'model_operations { op_library_filename: "/lib/ops.so" }',
      ['model_operations.op_library_filename cannot be honoured: "/lib/ops.so" would have to be loaded'],
    ],
    [
      'model_repository_agents { agents { name: "checksum" } }',
      ['model_repository_agents.agents cannot be honoured: "checksum" would have to prepare the model'],
    ],
    ["version_policy { specific {} }", ["version_policy.specific.versions must name a version"]],
    ["version_policy { specific { versions: [ 1, 0 ] } }", ["version_policy.specific.versions must be numbers from 1 on, got 0"]],
    ["max_batch_size: -1", ["max_batch_size must be 0 or more, got -1"]],
    ["sequence_batching { direct {} }", ["sequence_batching cannot be honoured: sequences are not kept together"]],
    [
      "batch_input {} batch_output {}",
      [
        "batch_input cannot be honoured: tensors about a batch are not made up",
        "batch_output cannot be honoured: tensors about a batch are not made up",
      ],
    ],
    [batching("preferred_batch_size: [ 4, 9 ]"), ["dynamic_batching.preferred_batch_size must be from 1 to 8, got 9"]],
    ["dynamic_batching { preferred_batch_size: 0 }", ["dynamic_batching.preferred_batch_size must be from 1 to max_batch_size, got 0"]],
    [
      "max_batch_size: 0 dynamic_batching { preferred_batch_size: 1 }",
      ["dynamic_batching.preferred_batch_size must be empty while max_batch_size is 0"],
    ],
    [batching("priority_levels: 2"), ["dynamic_batching.default_priority_level must be from 1 to 2, got 0"]],
    [batching("priority_levels: 2 default_priority_level: 3"), ["dynamic_batching.default_priority_level must be from 1 to 2, got 3"]],
    [
      batching("priority_levels: 18446744073709551615 default_priority_level: 1"),
      ["dynamic_batching.priority_levels must be at most 1048576, got 18446744073709551615"],
    ],
    [
      batching("priority_levels: 2 default_priority_level: 1 priority_queue_policy { key: 0 } priority_queue_policy { key: 3 }"),
      [
        "dynamic_batching.priority_queue_policy must be for levels from 1 to 2, got 0",
        "dynamic_batching.priority_queue_policy must be for levels from 1 to 2, got 3",
      ],
    ],
    [
      batching("default_queue_policy { timeout_action: 7 }"),
      ["dynamic_batching.default_queue_policy.timeout_action must be REJECT or DELAY, got 7"],
    ],
    [
      batching("preserve_ordering: true priority_levels: 2 default_priority_level: 1"),
      ["dynamic_batching.preserve_ordering must be false with more than one priority level"],
    ],
    [
      batching("preserve_ordering: true default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 1 }"),
      ["dynamic_batching.preserve_ordering must be false with a timeout whose action is DELAY"],
    ],
    ["input { data_type: TYPE_FP32 dims: 1 }", ["input[0].name must be given"]],
    ['input { name: "x" dims: 1 }', ["input[0].data_type must be a type such as TYPE_FP32, got 0"]],
    ['input { name: "x" data_type: 99 dims: 1 }', ["input[0].data_type must be a type such as TYPE_FP32, got 99"]],
    [`${X} ${X}`, ['input[1].name repeats "x"']],
    [tensor("dims: 0"), ["input[0].dims must be lengths from 1 to 2147483647, or -1 for a free one, got 0"]],
    [tensor("dims: -2", "output"), ["output[0].dims must be lengths from 1 to 2147483647, or -1 for a free one, got -2"]],
    [
      tensor("dims: 9223372036854775807"),
      ["input[0].dims must be lengths from 1 to 2147483647, or -1 for a free one, got 9223372036854775807"],
    ],
    [tensor("dims: 4 reshape { shape: [ 2, 3 ] }"), ["input[0].reshape must have as many elements as dims: [2, 3] against [4]"]],
    [
      tensor("dims: [ 2, -1, 6 ] reshape { shape: [ 6, -1, 2 ] }"),
      ["input[0].reshape must have as many elements as dims: [6, -1, 2] against [2, -1, 6]"],
    ],
    [tensor("dims: [ -1, 1, -1 ] reshape { shape: [ -1, -1 ] }"), ["input[0].reshape must have at most one free length"]],
    [tensor("dims: 1 reshape {}"), ["input[0].reshape must not be empty: a tensor without rows has a dimension"]],
    [tensor("dims: 1 reshape { shape: 0 }"), ["input[0].reshape.shape must be lengths from 1 to 2147483647, or -1 for a free one, got 0"]],
    [tensor("dims: 1 format: FORMAT_NHWC"), ["input[0].format needs 3 dims, got 1"]],
    [tensor("dims: 1 format: 5"), ["input[0].format must be FORMAT_NONE, FORMAT_NHWC or FORMAT_NCHW, got 5"]],
    [tensor("dims: 1 is_shape_tensor: true"), ["input[0].is_shape_tensor must be false: ONNX models have no shape tensors"]],
    [
      tensor("dims: 1 is_non_linear_format_io: true", "output"),
      ["output[0].is_non_linear_format_io must be false: elements lie in plain order"],
    ],
    [tensor("dims: 1 allow_ragged_batch: true"), ["input[0].allow_ragged_batch must be false: rows of one run have the same shape"]],
    ["instance_group { count: -1 }", ["instance_group[0].count must be 0 or more, got -1"]],
    ["instance_group { kind: 8 }", ["instance_group[0].kind must be one of KIND_AUTO, KIND_GPU, KIND_CPU, KIND_MODEL, got 8"]],
    ["instance_group { kind: KIND_GPU gpus: [ 0, 256 ] }", ["instance_group[0].gpus must be from 0 to 255, got 256"]],
    ["instance_group { gpus: -1 }", ["instance_group[0].gpus must be from 0 to 255, got -1"]],
    ["instance_group { kind: KIND_CPU gpus: 0 }", ["instance_group[0].gpus must be empty for this kind"]],
    ["instance_group { passive: true }", ["instance_group[0].passive must be false: every instance takes requests"]],
    [
      'parameters { key: "intra_op_thread_count" value { string_value: "many" } }',
      ['parameters.intra_op_thread_count must be a number of threads, got "many"'],
    ],
    ['parameters { key: "execution_mode" value { string_value: "2" } }', ['parameters.execution_mode must be 0 or 1, got "2"']],
    ["max_batch_size: 4 model_warmup { batch_size: 5 }", ["model_warmup[0].batch_size must be at most 4, got 5"]],
    ["max_batch_size: 0 model_warmup { batch_size: 2 }", ["model_warmup[0].batch_size must be at most 1, got 2"]],
    [
      'model_warmup { batch_size: 1 inputs { key: "x" value { data_type: TYPE_FP32 dims: -1 zero_data: true } } inputs { key: "y" value { dims: 1 } } }',
      [
        "model_warmup[0].inputs.x.dims must all be fixed",
        "model_warmup[0].inputs.y.data_type must be a type such as TYPE_FP32, got 0",
        "model_warmup[0].inputs.y must have one of zero_data, random_data and input_data_file",
      ],
    ],
    [
      'model_warmup { batch_size: 1 inputs { key: "x" value { data_type: TYPE_FP64 dims: [ 2147483647, 2147483647 ] zero_data: true } } }',
      ["model_warmup[0].inputs.x.dims must make at most 1073741824 bytes, got 36893488113059364872"],
    ],
    // Texts live in a heap of a gigabyte, in which each takes far more than its bytes.
    [
      'model_warmup { batch_size: 1 inputs { key: "x" value { data_type: TYPE_STRING dims: 100000000 zero_data: true } } }',
      ["model_warmup[0].inputs.x.dims must make at most 1073741824 bytes, got 25600000000"],
    ],
  ];
  test.each(cases)("%s", (text, expected) => {
    expect(findingsOf("refusal", text)).toEqual(expected);
  });
});

describe("file names that leave the model's folder are refused and not kept", () => {
  const names = ["..", ".", "../x", "/etc/passwd", "a/../../x", "a//b", "a/", "a\\\\..\\\\b", "C:x", "a\\000b", "a\\nb", "x".repeat(2000)];
  test.each(names.map((name) => ({ name, start: name.slice(0, 20) })))("$start", ({ name }) => {
    const files = `default_model_filename: "${name}"
      output { name: "y" data_type: TYPE_FP32 dims: 1 label_filename: "${name}" }
      model_warmup { batch_size: 1 inputs { key: "x" value { data_type: TYPE_FP32 dims: 1 input_data_file: "${name}" } } }`;
    const { settings } = mapText(files);
    expect(settings).toMatchObject({ modelFile: undefined, labelFiles: new Map(), warmupPlans: [] });
    expect(findingsOf("refusal", files).map((text) => text.split(" must")[0])).toEqual([
      "default_model_filename",
      "output[0].label_filename",
      "model_warmup[0].inputs.x.input_data_file",
    ]);
  });

  test("a model file may not lie in a folder, other files may", () => {
    expect(findingsOf("refusal", 'default_model_filename: "a/b.onnx"')).toEqual([
      'default_model_filename must be the plain name of a file, got "a/b.onnx"',
    ]);
  });
});

describe("hostile amounts", () => {
  test("findings are counted beyond the first of each level", () => {
    const { findings } = mapText('input { name: "x" }\n'.repeat(40_000));
    expect(findings.length).toBeLessThan(1000);
    expect(findings.at(-1)).toEqual({ field: "others", level: "refusal", text: expect.stringMatching(/^are \d+ more$/) });
  });

  test("texts stay short whatever a name holds", () => {
    const { findings } = mapText(`name: "${"\\n".repeat(50_000)}" parameters { key: "${"k".repeat(50_000)}" value {} }`);
    for (const { field, text } of findings) expect(`${field} ${text}`.length).toBeLessThan(400);
  });
});
