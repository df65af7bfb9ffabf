// Arrays of plain values: flattened with their shape, and turned into bytes.

import type { DType } from "../tensor/dtype.ts";
import { PredictdError } from "./error.ts";
import { toBfloat, toHalf } from "../tensor/half.ts";
import type { NumericDType, ViewConstructor } from "./typed-arrays.ts";
import { BIGINT_RANGE, INTEGER_RANGE, VIEW_BY_DTYPE } from "./typed-arrays.ts";

/** One element as a plain value. */
export type Element = number | bigint | boolean | string;

/** A plain value, or an array of them nested to any depth, with equal lengths at each depth. */
export type NestedArray = Element | readonly NestedArray[];

/**
 * Elements in row-major order and the shape they stood in.
 * @throws PredictdError INVALID_ARGUMENT when lengths at one depth differ.
 */
export function flatten(name: string, data: NestedArray): { readonly elements: readonly Element[]; readonly shape: readonly number[] } {
  if (!Array.isArray(data)) return { elements: [data as Element], shape: [] };
  if (!data.some(Array.isArray)) return { elements: data as readonly Element[], shape: [data.length] };
  const shape: number[] = [];
  for (let level: NestedArray = data as readonly NestedArray[]; Array.isArray(level); level = level[0] as NestedArray)
    shape.push(level.length);
  const elements: Element[] = [];
  const walk = (node: NestedArray, depth: number): void => {
    if (Array.isArray(node) !== depth < shape.length || (Array.isArray(node) && node.length !== shape[depth])) {
      throw new PredictdError(
        "INVALID_ARGUMENT",
        "INPUT_SHAPE_MISMATCH",
        `Tensor "${name}": nested arrays of one depth must have equal lengths; [${shape.join(", ")}] was expected.`,
      );
    }
    if (Array.isArray(node)) for (const child of node as readonly NestedArray[]) walk(child, depth + 1);
    else elements.push(node as Element);
  };
  walk(data as readonly NestedArray[], 0);
  return { elements, shape };
}

/** The data type that plain values have when none is named: of the first one; FP32 for numbers and for no elements. */
export function guessDType(elements: readonly Element[]): DType {
  switch (typeof elements[0]) {
    case "string":
      return "STRING";
    case "boolean":
      return "BOOL";
    case "bigint":
      return "INT64";
    default:
      return "FP32";
  }
}

/**
 * Little-endian bytes of plain values.
 * @throws PredictdError INVALID_ARGUMENT for a value that the type cannot hold; nothing is cut off or wrapped around.
 */
export function elementsToBytes(name: string, elements: readonly Element[], dtype: NumericDType): Uint8Array {
  // Element kind and array kind are matched by `toStored`, which the compiler cannot follow over a union of constructors.
  const Constructor = VIEW_BY_DTYPE[dtype] as unknown as ViewConstructor<{ [index: number]: number | bigint; buffer: ArrayBuffer }>;
  const target = new Constructor(elements.length);
  for (let i = 0; i < elements.length; i++) {
    const stored = toStored(elements[i]!, dtype);
    if (stored === undefined) {
      const shown = describeElement(elements[i]);
      throw new PredictdError(
        "INVALID_ARGUMENT",
        "INPUT_VALUE_INVALID",
        `Tensor "${name}": element ${i}, ${shown}, is not ${MEANING[dtype]}.`,
      );
    }
    target[i] = stored;
  }
  return new Uint8Array(target.buffer);
}

/** One element as a message shows it. */
export function describeElement(element: unknown): string {
  return typeof element === "string" ? JSON.stringify(element) : `the ${typeof element} ${String(element)}`;
}

function toStored(element: Element, dtype: NumericDType): number | bigint | undefined {
  if (dtype === "BOOL") return element === true || element === 1 ? 1 : element === false || element === 0 ? 0 : undefined;
  const bigRange = BIGINT_RANGE[dtype];
  if (bigRange !== undefined) return typeof element === "bigint" && element >= bigRange[0] && element <= bigRange[1] ? element : undefined;
  if (typeof element !== "number") return undefined;
  const range = INTEGER_RANGE[dtype];
  if (range !== undefined) return Number.isInteger(element) && element >= range[0] && element <= range[1] ? element : undefined;
  if (dtype === "FP16") return toHalf(element);
  return dtype === "BF16" ? toBfloat(element) : element;
}

const MEANING: Readonly<Record<NumericDType, string>> = {
  BOOL: "a boolean",
  UINT8: "an integer from 0 to 255",
  UINT16: "an integer from 0 to 65535",
  UINT32: "an integer from 0 to 4294967295",
  UINT64: "a bigint from 0n to 2n ** 64n - 1n",
  INT8: "an integer from -128 to 127",
  INT16: "an integer from -32768 to 32767",
  INT32: "an integer from -2147483648 to 2147483647",
  INT64: "a bigint of 64 bits",
  FP16: "a number",
  FP32: "a number",
  FP64: "a number",
  BF16: "a number",
};
