// Signatures for tests, in the client's own types.

import type { DType } from "../../../src/tensor/dtype.ts";
import type { TensorSpec } from "../../../src/tensor/signature.ts";

/** One input or output; a dimension of -1 is free. */
export function spec(name: string, dtype: DType, dims: readonly number[], extra: Partial<TensorSpec> = {}): TensorSpec {
  return {
    name,
    dtype,
    dims: dims.map((size) => ({ size, symbol: size < 0 ? "N" : "" })),
    description: "",
    columns: [],
    labels: [],
    ...extra,
  };
}
