// How the elements of each numeric type are seen from JavaScript.

/** The typed array of each numeric data type; FP16 and BF16 are seen as their bits, a BOOL as 0 or 1. */
export const VIEW_OF_DTYPE = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
  BF16: Uint16Array,
} as const;
