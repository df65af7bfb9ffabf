// Nested values as the tensor that a signature asks for.

import type { Element, Tensor, TensorSpec } from "../../client/client.ts";
import { tensor } from "../../client/client.ts";
import { formatDims } from "../output/format.ts";
import { UsageError } from "../usage-error.ts";
import { elementFromJson } from "./values.ts";

/**
 * A tensor from arrays as JSON holds them. A single row may be given without the array around it.
 * @throws UsageError for a value of another type, or a rank that does not fit.
 */
export function tensorFromJson(value: unknown, spec: TensorSpec): Tensor {
  const shape: number[] = [];
  for (let level = value; Array.isArray(level); level = level[0]) shape.push(level.length);
  const rank = spec.dims.length;
  const isOneRow = shape.length === rank - 1 && spec.dims[0]!.size <= 1;
  if (shape.length !== rank && !isOneRow) {
    throw new UsageError(`Input "${spec.name}" takes ${formatDims(spec)}, that is arrays nested ${rank} deep, not ${shape.length}.`);
  }
  const elements: Element[] = [];
  const walk = (node: unknown, depth: number): void => {
    if (depth === shape.length && !Array.isArray(node)) {
      elements.push(elementFromJson(node, spec.dtype, `Input "${spec.name}"`));
      return;
    }
    if (!Array.isArray(node) || node.length !== shape[depth]) {
      throw new UsageError(`Input "${spec.name}": arrays of one depth must have equal lengths; [${shape.join(", ")}] was expected.`);
    }
    for (const child of node) walk(child, depth + 1);
  };
  walk(value, 0);
  return tensor(spec.name, elements, isOneRow ? [1, ...shape] : shape, spec.dtype);
}

/** The shape of `rows` values that stand in one column: `[rows]`, or `[rows, 1, …]` where the signature wants it; undefined if it fits neither. */
export function columnShape(spec: TensorSpec, rows: number): readonly number[] | undefined {
  const [first, ...rest] = spec.dims;
  if (first === undefined) return rows === 1 ? [] : undefined;
  if (first.size >= 0 && first.size !== rows) return undefined;
  return rest.every(({ size }) => size === 1 || size < 0) ? [rows, ...rest.map(() => 1)] : undefined;
}
