// ModelService.

import {
  GetModelRequest,
  GetModelResponse,
  ListModelsRequest,
  ListModelsResponse,
  ModelState as WireState,
} from "../../../../generated/predictd/v1/model.ts";
import type { Model, ModelVersion, TensorSpec as WireSpec } from "../../../../generated/predictd/v1/model.ts";
import type { ModelsApi } from "../../../api/models-api.ts";
import type { ModelState, ModelView, VersionView } from "../../../registry/view.ts";
import { NUMBER_BY_DTYPE } from "../../../tensor/dtype.ts";
import type { TensorSpec } from "../../../tensor/signature.ts";
import type { Methods } from "../method.ts";
import { generatedUnary } from "./generated-unary.ts";
import type { SingleMessageOptions } from "./unary.ts";

const STATES: Readonly<Record<ModelState, WireState>> = {
  loading: WireState.MODEL_STATE_LOADING,
  warming: WireState.MODEL_STATE_WARMING,
  ready: WireState.MODEL_STATE_READY,
  draining: WireState.MODEL_STATE_DRAINING,
  unloaded: WireState.MODEL_STATE_UNLOADED,
  failed: WireState.MODEL_STATE_FAILED,
};

/** Makes the methods. */
export function modelMethods(api: ModelsApi, options: SingleMessageOptions): Methods {
  return {
    "/predictd.v1.ModelService/ListModels": generatedUnary(options, ListModelsRequest, ListModelsResponse, () => ({
      models: api.list().map(toModel),
    })),
    "/predictd.v1.ModelService/GetModel": generatedUnary(options, GetModelRequest, GetModelResponse, ({ name, version }) => ({
      model: toModel(api.get(name, version)),
    })),
  };
}

function toModel({ name, description, required, defaultVersion, problem, versions }: ModelView): Model {
  return { name, description, required, defaultVersion, problem, versions: versions.map(toVersion) };
}

function toVersion({ version, state, reason, signature, batching, execution, warmup, statistics }: VersionView): ModelVersion {
  return {
    version,
    state: STATES[state],
    reason,
    inputs: signature?.inputs.map(toSpec) ?? [],
    outputs: signature?.outputs.map(toSpec) ?? [],
    batching: batching && {
      ...batching,
      maxQueueBytes: BigInt(batching.maxQueueBytes),
      allowedBatchSizes: [...batching.allowedBatchSizes],
      preferredBatchSizes: [...batching.preferredBatchSizes],
      paddedLengths: [...batching.paddedLengths],
    },
    execution:
      execution === undefined
        ? undefined
        : { ...execution, providerNotes: [...execution.providerNotes], deviceIds: [...execution.deviceIds] },
    warmup: warmup.map(({ rows, runs, meanMs, p95Ms }) => ({ rows, runs, meanUs: toUs(meanMs), p95Us: toUs(p95Ms) })),
    statistics: {
      okCount: BigInt(statistics.okCount),
      errorCount: BigInt(statistics.errorCount),
      rowCount: BigInt(statistics.rowCount),
      batchCount: BigInt(statistics.batchCount),
      queuedRows: BigInt(statistics.queuedRows),
    },
  };
}

function toSpec({ name, dtype, dims, description, columns, labels, optional = false }: TensorSpec): WireSpec {
  return {
    name,
    // The table holds the enum's own numbers.
    dataType: NUMBER_BY_DTYPE[dtype] as WireSpec["dataType"],
    dims: dims.map(({ size, symbol }) => ({ size: BigInt(size), symbol })),
    description,
    columns: [...columns],
    labels: [...labels],
    optional,
  };
}

function toUs(ms: number): bigint {
  return BigInt(Math.round(ms * 1000));
}
