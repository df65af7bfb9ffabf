// Models the fake server pretends to serve: the shapes of the bundled ones.

import type { Model, ModelVersion, TensorSpec } from "../../../generated/predictd/v1/model.ts";
import { ModelState } from "../../../generated/predictd/v1/model.ts";
import type { DataType } from "../../../generated/predictd/v1/tensor.ts";
import type { DType } from "../../../src/tensor/dtype.ts";
import { NUMBER_BY_DTYPE } from "../../../src/tensor/dtype.ts";

/** One input or output; a dimension of -1 is the batch. */
export function spec(name: string, dtype: DType, dims: readonly number[], extra: Partial<TensorSpec> = {}): TensorSpec {
  return {
    name,
    dataType: NUMBER_BY_DTYPE[dtype] as DataType,
    dims: dims.map((size) => ({ size: BigInt(size), symbol: size < 0 ? "N" : "" })),
    description: "",
    columns: [],
    labels: [],
    optional: false,
    ...extra,
  };
}

const BATCHING: ModelVersion["batching"] = {
  enabled: true,
  maxBatchSize: 4,
  maxQueueDelayMs: 0,
  maxQueueRows: 64,
  maxQueueBytes: 1_048_576n,
  admission: "strict",
  gate: "auto",
  allowedBatchSizes: [],
  preferredBatchSizes: [],
  preserveOrdering: false,
  paddedLengths: [],
  maxBatchTokens: 0,
  source: "inferred from the model file",
};

/** Nothing as it usually is. */
const ALL_KNOBS: ModelVersion["batching"] = {
  ...BATCHING,
  maxQueueDelayMs: 5,
  gate: "fixed",
  admission: "lenient",
  allowedBatchSizes: [1, 8],
  preferredBatchSizes: [8],
  preserveOrdering: true,
  paddedLengths: [16, 24],
  maxBatchTokens: 512,
};

/** A ready version. */
export function version(inputs: TensorSpec[], outputs: TensorSpec[], extra: Partial<ModelVersion> = {}): ModelVersion {
  return {
    version: "1",
    state: ModelState.MODEL_STATE_READY,
    reason: "",
    inputs,
    outputs,
    batching: BATCHING,
    execution: { kind: "thread", instances: 1, intraOpThreads: 1, provider: "cpu", providerNotes: ["cuda: not built in"], deviceIds: [] },
    warmup: [{ rows: 1, runs: 5, meanUs: 120n, p95Us: 150n }],
    statistics: { okCount: 3n, errorCount: 0n, rowCount: 7n, batchCount: 2n, queuedRows: 0n },
    ...extra,
  };
}

/** A model; its first version answers by default. */
export function model(name: string, versions: ModelVersion[]): Model {
  const ready = versions.find(({ state }) => state === ModelState.MODEL_STATE_READY);
  return { name, description: `The ${name} model.`, problem: "", required: false, defaultVersion: ready?.version ?? "", versions };
}

/** What the fake server lists. */
export const FAKE_MODELS: readonly Model[] = [
  model("broken", [
    version([], [], { state: ModelState.MODEL_STATE_FAILED, reason: "not an ONNX file", batching: undefined, execution: undefined }),
  ]),
  model("digits", [
    version(
      [spec("image", "FP32", [-1, 1, 8, 8])],
      [
        spec("label", "INT64", [-1]),
        spec("probabilities", "FP32", [-1, 10], { labels: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] }),
      ],
      { version: "2" },
    ),
  ]),
  model("fraud", [
    version(
      [spec("features", "FP32", [-1, 3], { columns: ["amount", "hour", "country"] })],
      [
        spec("label", "INT64", [-1], { labels: ["legitimate", "fraud"] }),
        spec("probabilities", "FP32", [-1, 2], { labels: ["legitimate", "fraud"] }),
      ],
    ),
  ]),
  model("pair", [
    version([spec("a", "INT64", [-1]), spec("b", "FP64", [-1], { optional: true })], [spec("a", "INT64", [-1]), spec("b", "FP64", [-1])], {
      batching: ALL_KNOBS,
    }),
  ]),
  model("simple", [
    version(
      [spec("INPUT0", "INT32", [-1, 4]), spec("INPUT1", "INT32", [-1, 4])],
      [spec("OUTPUT0", "INT32", [-1, 4]), spec("OUTPUT1", "INT32", [-1, 4])],
    ),
  ]),
  model("toxicity", [version([spec("text", "STRING", [-1])], [spec("label", "STRING", [-1]), spec("score", "FP32", [-1])])]),
];
