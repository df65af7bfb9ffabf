// onnxruntime's names of data types.

import type { DType } from "../../tensor/dtype.ts";

/** Our data type by the runtime's name; what is missing cannot be carried. */
export const DTYPE_OF_RUNTIME: Readonly<Record<string, DType>> = {
  bool: "BOOL",
  uint8: "UINT8",
  uint16: "UINT16",
  uint32: "UINT32",
  uint64: "UINT64",
  int8: "INT8",
  int16: "INT16",
  int32: "INT32",
  int64: "INT64",
  float16: "FP16",
  float32: "FP32",
  float64: "FP64",
  string: "STRING",
};

/** The runtime's name by our data type. */
export const RUNTIME_OF_DTYPE = Object.freeze(
  Object.fromEntries(Object.entries(DTYPE_OF_RUNTIME).map(([name, dtype]) => [dtype, name])),
) as Readonly<Record<DType, string>>;
