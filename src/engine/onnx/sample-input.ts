// Made-up inputs for trial runs: the same numbers every time.

import type { DType } from "../../tensor/dtype.ts";
import { ELEMENT_BYTES } from "../../tensor/dtype.ts";
import type { TensorSpec } from "../../tensor/signature.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { encodeStrings } from "./strings.ts";

const WORDS = ["a", "the", "model", "rows", "in", "time", "", "answers"];

/** What values a sample holds. `zeros` suits models that take other numbers for wrong indexes. */
export type SampleKind = "varied" | "zeros";

/** One tensor for this input. @param lengthOf the length to use for a free dimension. */
export function sampleTensor(spec: TensorSpec, lengthOf: (position: number) => number, kind: SampleKind, seed: number): Tensor {
  const shape = spec.dims.map(({ size }, position) => (size >= 0 ? size : lengthOf(position)));
  let count = 1;
  for (const dim of shape) count *= dim;
  return { name: spec.name, dtype: spec.dtype, shape, bytes: sampleBytes(spec.dtype, count, kind, seed), problem: undefined };
}

function sampleBytes(dtype: DType, count: number, kind: SampleKind, seed: number): Uint8Array {
  if (dtype === "STRING") {
    const random = createRandom(seed);
    return encodeStrings(Array.from({ length: count }, () => (kind === "zeros" ? "" : WORDS[random() % WORDS.length]!)));
  }
  const bytes = new Uint8Array(count * ELEMENT_BYTES[dtype]);
  if (kind === "zeros") return bytes;
  const view = new DataView(bytes.buffer);
  const random = createRandom(seed);
  for (let i = 0; i < count; i++) writeElement(view, dtype, i, random());
  return bytes;
}

/** Floats from [0, 1), integers and booleans from {0, 1}: small enough for most models' index inputs. */
function writeElement(view: DataView, dtype: DType, index: number, random: number): void {
  if (dtype === "FP32") view.setFloat32(index * 4, random / 2 ** 32, true);
  else if (dtype === "FP64") view.setFloat64(index * 8, random / 2 ** 32, true);
  // Half precision with exponent -1 and the top bits of the number as fraction: [0.5, 1). The same for BF16.
  else if (dtype === "FP16") view.setUint16(index * 2, 0x3800 | (random >>> 22), true);
  else if (dtype === "BF16") view.setUint16(index * 2, 0x3f00 | (random >>> 25), true);
  else view.setUint8(index * ELEMENT_BYTES[dtype], random >>> 31);
}

/** A small generator of 32-bit numbers (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}
