// Inputs that only say which positions are real, made for requests that leave them out.

import { ELEMENT_BYTES } from "../tensor/dtype.ts";
import { onesOf } from "../tensor/pad-element.ts";
import type { PaddingPlan } from "../tensor/padding.ts";
import type { TensorSpec } from "../tensor/signature.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { elementCount } from "../tensor/tensor.ts";

/**
 * The request's tensors and the masks it lacks, 1 at every position that the request has. As given when their shape cannot be told, which
 * is for validation to refuse.
 */
export function withMasks(specs: readonly TensorSpec[], padding: PaddingPlan, tensors: readonly Tensor[]): readonly Tensor[] {
  if (tensors.length >= specs.length) return tensors;
  const { name, dtype } = specs[padding.lengthInput]!;
  const source = tensors.find((tensor) => tensor.name === name);
  if (source === undefined) return tensors;
  const { shape, bytes } = source;
  const rows = shape[0];
  const length = shape[padding.inputs[padding.lengthInput]!.dimension];
  // A shape without the bytes to it could make the mask any size.
  if (rows === undefined || length === undefined || elementCount(shape) * ELEMENT_BYTES[dtype] !== bytes.byteLength) return tensors;
  if (bytes.byteLength === 0 && length !== 0) return tensors;
  const missing = specs.filter((spec, i) => padding.inputs[i]?.isMask === true && !tensors.some((tensor) => tensor.name === spec.name));
  const made = missing.map((spec): Tensor => {
    return { name: spec.name, dtype: spec.dtype, shape: [rows, length], bytes: onesOf(spec.dtype, rows * length), problem: undefined };
  });
  return [...tensors, ...made];
}
