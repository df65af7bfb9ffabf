// The highest values of an output as classes, in the words of the Open Inference Protocol: "value:index[:label]".

import { encodeStrings } from "../engine/onnx/strings.ts";
import { ServiceError } from "../errors.ts";
import type { DType } from "../tensor/dtype.ts";
import type { Signature } from "../tensor/signature.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { quoteName } from "./quote-name.ts";
import type { PredictRequest } from "./request.ts";

/** Most classes of one output: their texts are made while everybody else waits, a quarter of a second at worst. */
const MAX_CLASSES = 262_144;

type ReadElement = (view: DataView, index: number) => number | bigint;

/** The elements of one row. */
type Values = ArrayLike<number | bigint>;

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
 * @throws ServiceError OUTPUT_NOT_CLASSIFIABLE for types without an order, INPUT_TOO_LARGE for more than 262144 classes in all.
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

function classify({ name, dtype, shape, bytes }: Tensor, count: number, labels: readonly string[], modelHasRows: boolean): Tensor {
  // A model may give less than its file says.
  const hasRows = modelHasRows && shape.length > 0;
  const read = READ[dtype!];
  if (read === undefined) throw notClassifiable(name, dtype!);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows = hasRows ? shape[0]! : 1;
  let elements = 1;
  for (let i = hasRows ? 1 : 0; i < shape.length; i++) elements *= shape[i]!;
  const perRow = Math.min(count, elements);
  if (rows * perRow > MAX_CLASSES) throw tooMany(name, rows * perRow);
  const texts: string[] = [];
  for (let row = 0; row < rows; row++) {
    const values = readRow(read, view, row * elements, elements, dtype!);
    for (const index of highest(values, perRow)) {
      const label = labels[index];
      texts.push(`${show(values[index]!, dtype!)}:${index}${label === undefined ? "" : `:${label}`}`);
    }
  }
  return { name, dtype: "STRING", shape: hasRows ? [rows, perRow] : [perRow], bytes: encodeStrings(texts), problem: undefined };
}

function readRow(read: ReadElement, view: DataView, first: number, count: number, dtype: DType): Values {
  if (dtype === "INT64" || dtype === "UINT64") return Array.from({ length: count }, (_, i) => read(view, first + i));
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = read(view, first + i) as number; // only 64-bit integers are bigint
  return values;
}

/** Indexes of the highest values, best first. Only as many as are wanted are put in order. */
function highest(values: Values, count: number): readonly number[] {
  const indexes = new Uint32Array(values.length);
  for (let i = 0; i < indexes.length; i++) indexes[i] = i;
  // A quicksort that leaves the part alone in which no wanted one ends.
  for (let [low, high] = [0, indexes.length - 1]; low < high;) {
    const pivot = indexes[low + Math.floor(Math.random() * (high - low + 1))]!;
    let [left, right] = [low, high];
    while (left <= right) {
      while (isBetter(values, indexes[left]!, pivot)) left++;
      while (isBetter(values, pivot, indexes[right]!)) right--;
      if (left > right) break;
      const moved = indexes[left]!;
      indexes[left++] = indexes[right]!;
      indexes[right--] = moved;
    }
    if (count <= right) high = right;
    else if (count >= left) low = left;
    else break;
  }
  return [...indexes.subarray(0, count)].toSorted((a, b) => (isBetter(values, a, b) ? -1 : 1));
}

/** Whether the value at one place comes before that at another: higher, and among equal ones first; NaN is the lowest. */
function isBetter(values: Values, a: number, b: number): boolean {
  const x = values[a]!;
  const y = values[b]!;
  if (x > y) return true;
  if (x < y) return false;
  return x === y || Number.isNaN(x) === Number.isNaN(y) ? a < b : Number.isNaN(y);
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

function tooMany(name: string, classes: number): ServiceError {
  const text = `Output ${quoteName(name)} would have ${classes} classes; ${MAX_CLASSES} are allowed.`;
  const description = `One output may have ${MAX_CLASSES} classes.`;
  return new ServiceError("INPUT_TOO_LARGE", text, {
    violations: [{ field: `outputs[${quoteName(name)}].parameters["classification"]`, description: text }],
    metadata: { stage: "postprocess", output: name.slice(0, 256) },
    quota: { subject: "classification", description },
  });
}
