// Tensors of the client: made from arrays of any kind, read back as typed arrays.

import type { DType } from "../tensor/dtype.ts";
import { ELEMENT_BYTES } from "../tensor/dtype.ts";
import { elementCount } from "../tensor/tensor.ts";
import type { NestedArray } from "./elements.ts";
import { describeElement, elementsToBytes, flatten, guessDType } from "./elements.ts";
import { PredictdError } from "./error.ts";
import type { NumericDType, TypedArray, ValuesOf, ViewConstructor } from "./typed-arrays.ts";
import { DTYPES_BY_VIEW, VIEW_BY_DTYPE } from "./typed-arrays.ts";

/** One named input or output. */
export interface Tensor {
  /** Name in the model's signature. */
  readonly name: string;
  /** Element type. */
  readonly dtype: DType;
  /** Length of each dimension, outermost first; empty for a scalar. */
  readonly shape: readonly number[];
  /** The elements in row-major order, little-endian, at any alignment; empty for STRING. Read them with `values`. */
  readonly raw: Uint8Array;
  /** The elements of a STRING tensor in row-major order; empty for every other type. */
  readonly strings: readonly string[];
}

/** What a tensor can be made from. */
export type TensorData = TypedArray | NestedArray;

/**
 * Makes a tensor. Typed arrays are not copied: do not change them until the call has ended.
 * @param data a typed array (its kind gives the data type; a Uint16Array with dtype FP16 holds raw half-precision bits), or an array,
 * nested or flat, of numbers (FP32 unless `dtype` says otherwise), bigints (INT64), booleans (BOOL) or strings (STRING). 64-bit
 * integers are bigints only.
 * @param shape default: the nesting of an array, `[length]` of a typed array.
 * @throws PredictdError INVALID_ARGUMENT when data, shape and dtype do not fit each other.
 */
export function tensor(name: string, data: TensorData, shape?: readonly number[], dtype?: DType): Tensor {
  if (ArrayBuffer.isView(data)) return fromView(name, data, shape ?? [data.length], dtype);
  const flat = flatten(name, data);
  const finalShape = shape ?? flat.shape;
  assertCount(name, finalShape, flat.elements.length);
  const finalDType = dtype ?? guessDType(flat.elements);
  const none = { raw: new Uint8Array(0), strings: [] };
  if (finalDType !== "STRING") {
    return { ...none, name, dtype: finalDType, shape: finalShape, raw: elementsToBytes(name, flat.elements, finalDType) };
  }
  const wrong = flat.elements.findIndex((element) => typeof element !== "string");
  if (wrong >= 0) throw invalid("INPUT_VALUE_INVALID", name, `element ${wrong} is ${describeElement(flat.elements[wrong])}, not a string`);
  return { ...none, name, dtype: "STRING", shape: finalShape, strings: flat.elements as string[] };
}

/**
 * A tensor of raw bytes, as read from a file.
 * @param raw little-endian elements in row-major order; not copied.
 * @throws PredictdError INVALID_ARGUMENT for STRING, or when the bytes are not exactly those of the shape.
 */
export function rawTensor(name: string, raw: Uint8Array, shape: readonly number[], dtype: DType): Tensor {
  if (dtype === "STRING") throw invalid("INPUT_TYPE_MISMATCH", name, "raw bytes cannot carry strings");
  const count = elementCount(shape);
  if (count < 0) throw invalid("INPUT_SHAPE_MISMATCH", name, `[${shape.join(", ")}] is not a shape`);
  if (count * ELEMENT_BYTES[dtype] !== raw.byteLength) {
    const expected = count * ELEMENT_BYTES[dtype];
    throw invalid("INPUT_SIZE_MISMATCH", name, `shape [${shape.join(", ")}] of ${dtype} takes ${expected} bytes, not ${raw.byteLength}`);
  }
  return { name, dtype, shape, raw, strings: [] };
}

/**
 * The elements of a tensor: a typed array (a view where the bytes are aligned, else a copy) or the strings. BOOL is a Uint8Array of 0
 * and 1, FP16 a Uint16Array of raw bits (see `fromHalf`), INT64 and UINT64 hold bigints.
 * @param dtype when given, the tensor must have this type, and the result is typed by it.
 * @throws PredictdError INVALID_ARGUMENT when the type is another one.
 */
export function values<D extends DType = DType>(source: Tensor, dtype?: D): ValuesOf[D] {
  if (dtype !== undefined && dtype !== source.dtype) {
    throw invalid("INPUT_TYPE_MISMATCH", source.name, `the tensor is ${source.dtype}, not ${dtype}`);
  }
  // The union over all types equals ValuesOf[D] once the check above has passed, which the compiler cannot see.
  return (source.dtype === "STRING" ? source.strings : view(source.raw, source.dtype)) as ValuesOf[D];
}

function view(raw: Uint8Array, dtype: NumericDType): ValuesOf[NumericDType] {
  const width = ELEMENT_BYTES[dtype];
  // Not slice(): that of a Buffer, which messages arrive in, copies nothing.
  const aligned = raw.byteOffset % width === 0 ? raw : new Uint8Array(raw);
  const Constructor = VIEW_BY_DTYPE[dtype] as ViewConstructor<ValuesOf[NumericDType]>;
  return new Constructor(aligned.buffer, aligned.byteOffset, Math.floor(raw.byteLength / width));
}

function fromView(name: string, data: TypedArray, shape: readonly number[], dtype: DType | undefined): Tensor {
  const kind = data[Symbol.toStringTag];
  const allowed = DTYPES_BY_VIEW[kind];
  const chosen = dtype === undefined ? allowed?.[0] : allowed?.find((candidate) => candidate === dtype);
  if (chosen === undefined) {
    throw invalid("INPUT_TYPE_MISMATCH", name, `${kind} carries ${allowed?.join(" or ") ?? "no data type"}, not ${dtype ?? "a tensor"}`);
  }
  assertCount(name, shape, data.length);
  return { name, dtype: chosen, shape, raw: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), strings: [] };
}

function assertCount(name: string, shape: readonly number[], length: number): void {
  const count = shape.every(Number.isInteger) ? elementCount(shape) : -1;
  if (count < 0) throw invalid("INPUT_SHAPE_MISMATCH", name, `[${shape.join(", ")}] is not a shape`);
  if (count !== length) throw invalid("INPUT_SIZE_MISMATCH", name, `shape [${shape.join(", ")}] has ${count} elements, the data ${length}`);
}

function invalid(reason: string, name: string, message: string): PredictdError {
  return new PredictdError("INVALID_ARGUMENT", reason, `Tensor "${name}": ${message}.`);
}
