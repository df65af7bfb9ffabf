// What a decoded message takes besides itself.

import type { Tensor } from "../../../tensor/tensor.ts";

/** Bytes of memory that were made for the inputs of a message; those that are views of it cost nothing. */
export function madeBytes(inputs: readonly Tensor[], message: Buffer): number {
  let made = 0;
  for (const { bytes } of inputs) if (bytes.buffer !== message.buffer) made += bytes.byteLength;
  return made;
}
