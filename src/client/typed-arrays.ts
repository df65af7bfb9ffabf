// Which typed array carries which data type.

import { VIEW_OF_DTYPE } from "../tensor/typed-views.ts";
import type { DType } from "../tensor/dtype.ts";

/** A Float16Array, by shape: Node has it from version 24 on. */
export interface HalfArray extends ArrayBufferView {
  readonly [Symbol.toStringTag]: "Float16Array";
  readonly length: number;
}

/** Typed arrays that a tensor can be made from. */
export type TypedArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Float32Array
  | Float64Array
  | HalfArray;

/** What `values` gives for each data type. BOOL is 0 or 1 per element; FP16 and BF16 are the raw bits, see `fromHalf`. */
export interface ValuesOf {
  readonly BOOL: Uint8Array;
  readonly UINT8: Uint8Array;
  readonly UINT16: Uint16Array;
  readonly UINT32: Uint32Array;
  readonly UINT64: BigUint64Array;
  readonly INT8: Int8Array;
  readonly INT16: Int16Array;
  readonly INT32: Int32Array;
  readonly INT64: BigInt64Array;
  readonly FP16: Uint16Array;
  readonly FP32: Float32Array;
  readonly FP64: Float64Array;
  readonly STRING: readonly string[];
  readonly BF16: Uint16Array;
}

/** Data types with elements of a fixed size. */
export type NumericDType = Exclude<DType, "STRING">;

/** A typed array's constructor, as far as it is used here. */
export interface ViewConstructor<A> {
  new (length: number): A;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): A;
}

/** The typed array that `values` gives for a data type. */
export const VIEW_BY_DTYPE: { readonly [D in NumericDType]: ViewConstructor<ValuesOf[D]> } = VIEW_OF_DTYPE;

/** Data types each typed array may carry by the name of its kind; the first is the default. */
export const DTYPES_BY_VIEW: Readonly<Record<string, readonly NumericDType[]>> = {
  Int8Array: ["INT8"],
  Int16Array: ["INT16"],
  Int32Array: ["INT32"],
  BigInt64Array: ["INT64"],
  Uint8Array: ["UINT8", "BOOL"],
  Uint8ClampedArray: ["UINT8"],
  Uint16Array: ["UINT16", "FP16", "BF16"],
  Uint32Array: ["UINT32"],
  BigUint64Array: ["UINT64"],
  Float16Array: ["FP16"],
  Float32Array: ["FP32"],
  Float64Array: ["FP64"],
};

/** Least and greatest value of the integer types that are given as numbers. */
export const INTEGER_RANGE: Readonly<Partial<Record<DType, readonly [min: number, max: number]>>> = {
  UINT8: [0, 0xff],
  UINT16: [0, 0xffff],
  UINT32: [0, 0xffff_ffff],
  INT8: [-0x80, 0x7f],
  INT16: [-0x8000, 0x7fff],
  INT32: [-0x8000_0000, 0x7fff_ffff],
};

/** Least and greatest value of the integer types that are given as bigints. */
export const BIGINT_RANGE: Readonly<Partial<Record<DType, readonly [min: bigint, max: bigint]>>> = {
  UINT64: [0n, 2n ** 64n - 1n],
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
};
