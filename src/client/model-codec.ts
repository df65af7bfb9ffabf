// Models from the generated messages to the client's types.

import type * as wire from "../../generated/predictd/v1/model.ts";
import { DTYPE_BY_NUMBER } from "../tensor/dtype.ts";
import type { TensorSpec } from "../tensor/signature.ts";
import { PredictdError } from "./error.ts";
import type { Model, ModelState, ModelVersion } from "./model.ts";

const STATES: readonly ModelState[] = ["unknown", "loading", "warming", "ready", "draining", "unloaded", "failed"];

/** A model as the caller sees it. */
export function modelFromWire(source: wire.Model | undefined): Model {
  if (source === undefined) throw new PredictdError("INTERNAL", "", "The server's answer holds no model.");
  const { name, description, problem, required, defaultVersion } = source;
  return { name, description, problem, required, defaultVersion, versions: source.versions.map(versionFromWire) };
}

function versionFromWire(source: wire.ModelVersion): ModelVersion {
  const statistics = source.statistics;
  return {
    version: source.version,
    state: STATES[source.state] ?? "unknown",
    reason: source.reason,
    inputs: source.inputs.map(specFromWire),
    outputs: source.outputs.map(specFromWire),
    batching: source.batching && { ...source.batching, maxQueueBytes: Number(source.batching.maxQueueBytes) },
    execution: source.execution,
    warmup: source.warmup.map(({ rows, runs, meanUs, p95Us }) => ({ rows, runs, meanUs: Number(meanUs), p95Us: Number(p95Us) })),
    statistics: {
      okCount: Number(statistics?.okCount ?? 0),
      errorCount: Number(statistics?.errorCount ?? 0),
      rowCount: Number(statistics?.rowCount ?? 0),
      batchCount: Number(statistics?.batchCount ?? 0),
      queuedRows: Number(statistics?.queuedRows ?? 0),
    },
  };
}

function specFromWire(source: wire.TensorSpec): TensorSpec {
  const dtype = DTYPE_BY_NUMBER[source.dataType];
  if (dtype === undefined)
    throw new PredictdError("INTERNAL", "", `"${source.name}" has data type ${source.dataType}, which this client does not know.`);
  const { name, description, columns, labels, optional } = source;
  return {
    name,
    dtype,
    dims: source.dims.map(({ size, symbol }) => ({ size: Number(size), symbol })),
    description,
    columns,
    labels,
    optional,
  };
}
