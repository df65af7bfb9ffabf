// What the fake models answer: simple arithmetic, so that a test can say what must come out.

import type { PredictRequest, PredictResponse } from "../../../generated/predictd/v1/prediction.ts";
import type { DataType, Tensor } from "../../../generated/predictd/v1/tensor.ts";
import { NUMBER_BY_DTYPE } from "../../../src/tensor/dtype.ts";
import type { DType } from "../../../src/tensor/dtype.ts";

/** One prediction. Models without an entry answer with their inputs. */
export function predictFake(request: PredictRequest): PredictResponse {
  const rows = Number(request.inputs[0]?.shape[0] ?? 1n);
  const outputs = (MODELS[request.model] ?? ((inputs) => [...inputs]))(request.inputs, rows);
  return {
    model: request.model,
    version: request.version === "" ? "1" : request.version,
    requestId: request.requestId,
    outputs: request.outputs.length === 0 ? outputs : outputs.filter(({ name }) => request.outputs.includes(name)),
    timings: { routeUs: 1n, validateUs: 2n, admitUs: 3n, queueUs: 40n, batchUs: 5n, runUs: 600n, postprocessUs: 7n, totalUs: 658n },
    batchRows: rows,
  };
}

const MODELS: Readonly<Record<string, (inputs: readonly Tensor[], rows: number) => Tensor[]>> = {
  // The class is the number of inked pixels modulo 10.
  digits([image], rows) {
    const pixels = floats(image!);
    const labels = range(rows).map((row) => pixels.slice(row * 64, row * 64 + 64).filter((pixel) => pixel > 0.5).length % 10);
    return [
      made("label", "INT64", [rows], new BigInt64Array(labels.map(BigInt))),
      made(
        "probabilities",
        "FP32",
        [rows, 10],
        new Float32Array(labels.flatMap((label) => range(10).map((i) => (i === label ? 0.91 : 0.01)))),
      ),
    ];
  },
  // Fraud is an amount above 100.
  fraud([features], rows) {
    const amounts = range(rows).map((row) => floats(features!)[row * 3]!);
    return [
      made("label", "INT64", [rows], new BigInt64Array(amounts.map((amount) => (amount > 100 ? 1n : 0n)))),
      made(
        "probabilities",
        "FP32",
        [rows, 2],
        new Float32Array(amounts.flatMap((amount) => (amount > 100 ? [0.25, 0.75] : [0.875, 0.125]))),
      ),
    ];
  },
  simple([a, b], rows) {
    const [left, right] = [ints(a!), ints(b!)];
    return [
      made(
        "OUTPUT0",
        "INT32",
        [rows, 4],
        left.map((value, i) => value + right[i]!),
      ),
      made(
        "OUTPUT1",
        "INT32",
        [rows, 4],
        left.map((value, i) => value - right[i]!),
      ),
    ];
  },
  toxicity([text], rows) {
    const toxic = text!.strings.map((line) => line.includes("idiot"));
    return [
      { ...made("label", "STRING", [rows], new Uint8Array(0)), strings: toxic.map((yes) => (yes ? "toxic" : "ok")) },
      made("score", "FP32", [rows], new Float32Array(toxic.map((yes) => (yes ? 0.75 : 0.25)))),
    ];
  },
};

function made(name: string, dtype: DType, shape: readonly number[], data: ArrayBufferView): Tensor {
  const raw = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  return { name, dataType: NUMBER_BY_DTYPE[dtype] as DataType, shape: shape.map(BigInt), raw, strings: [] };
}

function floats(tensor: Tensor): Float32Array {
  return new Float32Array(new Uint8Array(tensor.raw).buffer);
}

function ints(tensor: Tensor): Int32Array {
  return new Int32Array(new Uint8Array(tensor.raw).buffer);
}

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}
