// A prediction as a request of the Open Inference Protocol, and its answer as a response of our own contract, to hold them to each other.

import type { ModelInferResponse } from "../../generated/inference/grpc_service.ts";
import { ModelInferRequest } from "../../generated/inference/grpc_service.ts";
import type { PredictRequest, PredictResponse } from "../../generated/predictd/v1/prediction.ts";
import { PredictResponse as Response } from "../../generated/predictd/v1/prediction.ts";
import type { Tensor } from "../../generated/predictd/v1/tensor.ts";
import { DTYPE_BY_NUMBER, NUMBER_BY_DTYPE } from "../../src/tensor/dtype.ts";
import type { DType } from "../../src/tensor/dtype.ts";

/** The request with raw contents. */
export function toInferRequest({ model, version, requestId, inputs, outputs }: PredictRequest): ModelInferRequest {
  return {
    ...ModelInferRequest.fromPartial({ modelName: model, modelVersion: version, id: requestId }),
    inputs: inputs.map(({ name, dataType, shape }) => ({
      name,
      datatype: datatypeOf(dataType),
      shape,
      parameters: {},
      contents: undefined,
    })),
    outputs: outputs.map((name) => ({ name, parameters: {} })),
    rawInputContents: inputs.map(rawOf),
  };
}

/** The response without what the protocol does not carry. */
export function fromInferResponse({ modelName, modelVersion, id, outputs, rawOutputContents }: ModelInferResponse): PredictResponse {
  const tensors = outputs.map(({ name, datatype, shape }, index): Tensor => {
    const bytes = rawOutputContents[index]!;
    if (datatype !== "BYTES")
      return { name, dataType: NUMBER_BY_DTYPE[datatype as DType] as Tensor["dataType"], shape, raw: bytes, strings: [] };
    return { name, dataType: NUMBER_BY_DTYPE.STRING as Tensor["dataType"], shape, raw: new Uint8Array(0), strings: textsOf(bytes) };
  });
  return { ...Response.fromPartial({ model: modelName, version: modelVersion, requestId: id }), outputs: tensors };
}

function datatypeOf(dataType: number): string {
  const dtype = DTYPE_BY_NUMBER[dataType] ?? "";
  return dtype === "STRING" ? "BYTES" : dtype;
}

function rawOf({ dataType, raw, strings }: Tensor): Uint8Array {
  if (datatypeOf(dataType) !== "BYTES") return raw;
  return Buffer.concat(
    strings.flatMap((text) => {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}

function textsOf(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes);
  const texts: string[] = [];
  for (let at = 0; at < buffer.length;) {
    const end = at + 4 + buffer.readUInt32LE(at);
    texts.push(buffer.toString("utf8", at + 4, end));
    at = end;
  }
  return texts;
}
