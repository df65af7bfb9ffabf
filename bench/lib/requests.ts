// Encoded requests of the bench, made with the generated codecs.

import { ModelInferRequest } from "../../generated/inference/grpc_service.ts";
import { PredictRequest, PredictSessionRequest } from "../../generated/predictd/v1/prediction.ts";
import { DataType } from "../../generated/predictd/v1/tensor.ts";
import type { Tensor } from "../../generated/predictd/v1/tensor.ts";
import { sessionIdPlaceholder } from "../clients/load-spec.ts";

/** One FP32 tensor. */
export function floatTensor(name: string, shape: readonly number[], values: Float32Array): Tensor {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name, dataType: DataType.DATA_TYPE_FP32, shape: shape.map(BigInt), raw, strings: [] };
}

function request(model: string, inputs: Tensor[]): PredictRequest {
  return { model, version: "", requestId: "", inputs, outputs: [] };
}

/** Bytes of a PredictRequest. */
export function encodeRequest(value: PredictRequest): Buffer {
  return Buffer.from(PredictRequest.encode(value).finish());
}

/** Bytes of a session message around a PredictRequest, with the id that each copy replaces. */
export function encodeSessionRequest(value: PredictRequest): Buffer {
  const predict = { id: sessionIdPlaceholder, request: value, timeoutMs: 0 };
  return Buffer.from(PredictSessionRequest.encode({ message: { $case: "predict", value: predict } }).finish());
}

/** Bytes of a ModelInferRequest that asks the same with raw contents. @param id for streams: `sessionIdPlaceholder`. */
export function encodeInferRequest({ model, inputs }: PredictRequest, id = ""): Buffer {
  const tensors = inputs.map(({ name, dataType, shape }) => {
    const [known] = Object.entries(DataType).find(([, value]) => value === dataType) ?? [];
    if (known === undefined) throw new Error(`Data type ${dataType} is unknown.`);
    return { name, datatype: known.slice("DATA_TYPE_".length), shape };
  });
  const message = ModelInferRequest.fromPartial({ modelName: model, id, inputs: tensors, rawInputContents: inputs.map(({ raw }) => raw) });
  return Buffer.from(ModelInferRequest.encode(message).finish());
}

// A legitimate purchase, in the order of the columns in models/fraud/model.yaml.
const transaction = [42.5, 15, 2, 11, 2.6, 305.5, 0, 3, 160.3, 55.8, 1, 0, 914, 3700, 0, 229, 0.02, 0, 1, 0];

/** One row for `fraud`. */
export function fraudRequest(): PredictRequest {
  return request("fraud", [floatTensor("features", [1, transaction.length], Float32Array.from(transaction))]);
}

/** `rows` pictures for `digits`. */
export function digitsRequest(rows: number): PredictRequest {
  const pixels = Float32Array.from({ length: rows * 64 }, (_, i) => ((i * 7) % 17) / 16);
  return request("digits", [floatTensor("image", [rows, 1, 8, 8], pixels)]);
}

/** The two vectors of `simple`. */
export function simpleRequest(): PredictRequest {
  const raw = new Uint8Array(Int32Array.from({ length: 16 }, (_, i) => i).buffer);
  const tensor = (name: string): Tensor => ({ name, dataType: DataType.DATA_TYPE_INT32, shape: [1n, 16n], raw, strings: [] });
  return request("simple", [tensor("INPUT0"), tensor("INPUT1")]);
}

/** `rows` of any model with one FP32 input. */
export function floatRequest(model: string, input: string, rowShape: readonly number[], rows = 1): PredictRequest {
  const count = rowShape.reduce((product, dim) => product * dim, rows);
  const values = Float32Array.from({ length: count }, (_, i) => (i % 251) / 251);
  return request(model, [floatTensor(input, [rows, ...rowShape], values)]);
}
