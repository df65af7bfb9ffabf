// What the generator asks a server before and after a run: the inputs of its model, and how many rows ran in how many batches.

import { GRPCInferenceServiceService as service } from "../../generated/inference/grpc_service.ts";
import { callOnce } from "../lib/control.ts";
import type { InputSpec, Target } from "./target.ts";

/** Rows answered and batches run so far. */
export interface BatchCounts {
  readonly rows: number;
  readonly runs: number;
}

interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly (number | bigint)[];
}

function inputSpec({ name, datatype, shape }: TensorMetadata): InputSpec {
  return { name, datatype, rowShape: shape.slice(1).map(Number) };
}

/** The target's inputs; asked of the server where they were not given. @throws Error where they cannot be known. */
export async function inputsOf(target: Target, model: string): Promise<readonly InputSpec[]> {
  const { inputs, protocol, host, port } = target;
  if (inputs !== undefined && inputs.length > 0) return inputs;
  if (protocol === "oip-grpc") {
    const metadata = await callOnce(port, service.modelMetadata, { name: model, version: "" }, host);
    return metadata.inputs.map(inputSpec);
  }
  if (protocol === "json-http") throw new Error("json-http: say what the model takes, --input x:FP32:1024.");
  const response = await fetch(`http://${host}:${port}/v2/models/${model}`);
  if (!response.ok) throw new Error(`The server answers ${response.status} to the question for the model's metadata.`);
  // The protocol's own form.
  const metadata = (await response.json()) as { readonly inputs?: readonly TensorMetadata[] };
  return (metadata.inputs ?? []).map(inputSpec);
}

/** What ModelStatistics has counted over all versions of the models; undefined where the server does not tell. */
export async function batchCounts(target: Target, models: readonly string[]): Promise<BatchCounts | undefined> {
  if (target.protocol !== "oip-grpc") return undefined;
  try {
    let rows = 0;
    let runs = 0;
    for (const name of models) {
      const { modelStats } = await callOnce(target.port, service.modelStatistics, { name, version: "" }, target.host);
      for (const { inferenceCount, executionCount } of modelStats) {
        rows += Number(inferenceCount);
        runs += Number(executionCount);
      }
    }
    return { rows, runs };
  } catch {
    return undefined;
  }
}

/** Mean rows of a batch between two counts. */
export function meanBatch(before: BatchCounts | undefined, after: BatchCounts | undefined): number | undefined {
  if (before === undefined || after === undefined || after.runs <= before.runs) return undefined;
  return (after.rows - before.rows) / (after.runs - before.runs);
}
