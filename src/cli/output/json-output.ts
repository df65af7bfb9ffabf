// Outputs for machines: JSON that loses nothing.

import type { PredictResult, Tensor } from "../../client/client.ts";
import type { PlainValue } from "./elements.ts";
import { elementReader } from "./elements.ts";

/** A value that JSON can carry. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** A result; integers beyond 2^53 and numbers that JSON lacks (NaN, Infinity) are strings. */
export function resultToJson(result: PredictResult): Json {
  return {
    model: result.model,
    version: result.version,
    batchRows: result.batchRows,
    timings: { ...result.timings },
    outputs: result.outputs.map((tensor) => ({ name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, data: tensorToJson(tensor) })),
  };
}

/** The elements of a tensor, nested by its shape. */
export function tensorToJson(tensor: Tensor): Json {
  const elements = elementReader(tensor);
  let next = 0;
  const build = (depth: number): Json => {
    if (depth === tensor.shape.length) return toJson(elements.at(next++));
    return Array.from({ length: tensor.shape[depth]! }, () => build(depth + 1));
  };
  return build(0);
}

function toJson(value: PlainValue): Json {
  if (typeof value === "bigint")
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value);
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
