// The data types predictd serves, and how many bytes an element of each takes.

/** Element type of a tensor, by the name it has on the wire (without the `DATA_TYPE_` prefix). */
export type DType =
  | "BOOL"
  | "UINT8"
  | "UINT16"
  | "UINT32"
  | "UINT64"
  | "INT8"
  | "INT16"
  | "INT32"
  | "INT64"
  | "FP16"
  | "FP32"
  | "FP64"
  | "STRING"
  | "BF16";

/** Bytes per element. STRING has none: its elements are length-prefixed. */
export const ELEMENT_BYTES: Readonly<Record<DType, number>> = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  FP32: 4,
  FP64: 8,
  STRING: 0,
  BF16: 2,
};

/** Data types by their number on the wire (`predictd.v1.DataType`, equal to Triton's); index 0 is "unspecified". */
export const DTYPE_BY_NUMBER: readonly (DType | undefined)[] = [
  undefined,
  "BOOL",
  "UINT8",
  "UINT16",
  "UINT32",
  "UINT64",
  "INT8",
  "INT16",
  "INT32",
  "INT64",
  "FP16",
  "FP32",
  "FP64",
  "STRING",
  "BF16",
];

/** Numbers on the wire by data type. */
export const NUMBER_BY_DTYPE = Object.freeze(
  Object.fromEntries(DTYPE_BY_NUMBER.flatMap((dtype, number) => (dtype === undefined ? [] : [[dtype, number]]))),
) as Readonly<Record<DType, number>>;
