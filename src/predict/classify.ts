// The highest values of an output as classes, in the words of the Open Inference Protocol: "value:index[:label]".

import { ServiceError } from "../errors.ts";
import type { DType } from "../tensor/dtype.ts";
import type { Signature } from "../tensor/signature.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { quoteName } from "./quote-name.ts";
import type { PredictRequest } from "./request.ts";

type ReadElement = (view: DataView, index: number) => number | bigint;

/** How an element of each type that has an order is read. */
const READ: Readonly<Partial<Record<DType, ReadElement>>> = {
  UINT8: (view, i) => view.getUint8(i),
  UINT16: (view, i) => view.getUint16(i * 2, true),
  UINT32: (view, i) => view.getUint32(i * 4, true),
  UINT64: (view, i) => view.getBigUint64(i * 8, true),
  INT8: (view, i) => view.getInt8(i),
  INT16: (view, i) => view.getInt16(i * 2, true),
  INT32: (view, i) => view.getInt32(i * 4, true),
  INT64: (view, i) => view.getBigInt64(i * 8, true),
  FP32: (view, i) => view.getFloat32(i * 4, true),
  FP64: (view, i) => view.getFloat64(i * 8, true),
};

/**
 * Replaces the outputs for which the request wants classes by texts of shape [rows, k], or [k] without rows. A row with fewer than k
 * elements gives all of them. Equal values stand in the order of their indexes, NaN last.
 * @throws ServiceError OUTPUT_NOT_CLASSIFIABLE for types without an order.
 */
export function classifyOutputs(
  outputs: readonly Tensor[],
  { classCounts }: PredictRequest,
  signature: Signature,
  hasRows: boolean,
): readonly Tensor[] {
  return outputs.map((output, position) => {
    const count = classCounts[position] ?? 0;
    if (count === 0) return output;
    const labels = signature.outputs.find(({ name }) => name === output.name)?.labels ?? [];
    return classify(output, count, labels, hasRows);
  });
}

function classify({ name, dtype, shape, bytes }: Tensor, count: number, labels: readonly string[], hasRows: boolean): Tensor {
  const read = READ[dtype!];
  if (read === undefined) throw notClassifiable(name, dtype!);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows = hasRows ? shape[0]! : 1;
  let elements = 1;
  for (let i = hasRows ? 1 : 0; i < shape.length; i++) elements *= shape[i]!;
  const perRow = Math.min(count, elements);
  const parts: Buffer[] = [];
  for (let row = 0; row < rows; row++) {
    const values = Array.from({ length: elements }, (_, i) => read(view, row * elements + i));
    const order = values.map((_, i) => i).toSorted((a, b) => compare(values[b]!, values[a]!) || a - b);
    for (const index of order.slice(0, perRow)) {
      const label = labels[index];
      const text = Buffer.from(`${show(values[index]!, dtype!)}:${index}${label === undefined ? "" : `:${label}`}`);
      const length = Buffer.allocUnsafe(4);
      length.writeUInt32LE(text.byteLength);
      parts.push(length, text);
    }
  }
  return { name, dtype: "STRING", shape: hasRows ? [rows, perRow] : [perRow], bytes: Buffer.concat(parts), problem: undefined };
}

/** Ascending, NaN before everything. */
function compare(a: number | bigint, b: number | bigint): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Floats with six decimals, as Triton's clients know them. */
function show(value: number | bigint, dtype: DType): string {
  if (typeof value === "bigint" || (dtype !== "FP32" && dtype !== "FP64")) return String(value);
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return Math.abs(value) < 1e21 ? value.toFixed(6) : `${BigInt(value)}.000000`;
}

function notClassifiable(name: string, dtype: DType): ServiceError {
  const text = `Output ${quoteName(name)} is ${dtype}, of which no classes can be given.`;
  return new ServiceError("OUTPUT_NOT_CLASSIFIABLE", text, {
    violations: [{ field: `outputs[${quoteName(name)}].parameters["classification"]`, description: text }],
    metadata: { stage: "postprocess", output: name.slice(0, 256) },
  });
}
