// Predictions between the client's types and the generated messages.

import type * as wire from "../../generated/predictd/v1/prediction.ts";
import type * as wireTensor from "../../generated/predictd/v1/tensor.ts";
import { DTYPE_BY_NUMBER, NUMBER_BY_DTYPE } from "../tensor/dtype.ts";
import { PredictdError } from "./error.ts";
import type { PredictChunk, PredictRequest, PredictResult } from "./prediction.ts";
import type { Tensor } from "./tensors.ts";

/**
 * A request as it is sent.
 * @throws PredictdError INVALID_ARGUMENT for a shape that is not one.
 */
export function requestToWire(request: PredictRequest): wire.PredictRequest {
  return {
    model: request.model,
    version: request.version ?? "",
    requestId: request.requestId ?? "",
    inputs: request.inputs.map(tensorToWire),
    outputs: [...(request.outputs ?? [])],
  };
}

/** A response as the caller sees it. */
export function resultFromWire(response: wire.PredictResponse | undefined): PredictResult {
  if (response === undefined) throw new PredictdError("INTERNAL", "", "The server's answer holds no response.");
  const timings = response.timings;
  return {
    model: response.model,
    version: response.version,
    requestId: response.requestId,
    outputs: response.outputs.map(tensorFromWire),
    timings: {
      routeUs: Number(timings?.routeUs ?? 0),
      validateUs: Number(timings?.validateUs ?? 0),
      admitUs: Number(timings?.admitUs ?? 0),
      queueUs: Number(timings?.queueUs ?? 0),
      batchUs: Number(timings?.batchUs ?? 0),
      runUs: Number(timings?.runUs ?? 0),
      postprocessUs: Number(timings?.postprocessUs ?? 0),
      totalUs: Number(timings?.totalUs ?? 0),
    },
    batchRows: response.batchRows,
  };
}

/** One chunk of a stream as the caller sees it. */
export function chunkFromWire(chunk: wire.PredictStreamResponse): PredictChunk {
  return {
    ...resultFromWire(chunk.response),
    firstRow: Number(chunk.firstRow),
    rowsDone: Number(chunk.rowsDone),
    rowsTotal: Number(chunk.rowsTotal),
  };
}

function tensorToWire(source: Tensor): wireTensor.Tensor {
  if (!source.shape.every(Number.isSafeInteger)) {
    throw new PredictdError(
      "INVALID_ARGUMENT",
      "INPUT_SHAPE_MISMATCH",
      `Tensor "${source.name}": [${source.shape.join(", ")}] is not a shape.`,
    );
  }
  return {
    name: source.name,
    // ts-proto's enum type is the union of its numbers, which the shared table holds as plain numbers.
    dataType: NUMBER_BY_DTYPE[source.dtype] as wireTensor.DataType,
    shape: source.shape.map(BigInt),
    raw: source.raw,
    strings: [...source.strings],
  };
}

function tensorFromWire(source: wireTensor.Tensor): Tensor {
  const dtype = DTYPE_BY_NUMBER[source.dataType];
  if (dtype === undefined)
    throw new PredictdError("INTERNAL", "", `Output "${source.name}" has data type ${source.dataType}, which this client does not know.`);
  return { name: source.name, dtype, shape: source.shape.map(Number), raw: source.raw, strings: source.strings };
}
