// Elements of an output as plain values.

import type { Tensor } from "../../client/client.ts";
import { fromBfloat, fromHalf, values } from "../../client/client.ts";

/** A plain element. */
export type PlainValue = number | bigint | boolean | string;

/** Reads any element by its index; booleans and half-precision numbers as what they stand for. */
export function elementReader(tensor: Tensor): { readonly length: number; at(index: number): PlainValue } {
  const read: { readonly length: number; readonly [index: number]: number | bigint | string } = values(tensor);
  const at = (index: number): PlainValue => {
    const value = read[index]!;
    if (tensor.dtype === "BOOL") return value !== 0;
    if (tensor.dtype === "FP16") return fromHalf(Number(value));
    return tensor.dtype === "BF16" ? fromBfloat(Number(value)) : value;
  };
  return { length: read.length, at };
}
