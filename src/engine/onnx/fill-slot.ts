// Copies the rows of a batch into a slot, padded where they are to be of one length.

import type { BatchPart } from "../scheduler/executor.ts";
import { longestOf } from "../scheduler/padded-length.ts";
import type { PaddedDim, PaddingPlan } from "../../tensor/padding.ts";
import type { InputPlace } from "./protocol.ts";
import type { Reshapes } from "./reshape.ts";
import { reshape } from "./reshape.ts";
import type { Slot } from "./slot.ts";

/** How requests become the inputs of a run. */
export interface FillOptions {
  /** Whether parts are rows of a batch; otherwise a run takes exactly one request as it is. */
  readonly batched: boolean;
  /** Shapes that the file has instead of the callers'. */
  readonly reshapes: Reshapes;
  /** How requests of different lengths share a run; undefined where they do not. */
  readonly padding?: PaddingPlan | undefined;
}

/** Copies the rows of all parts into the slot, input by input. @param cut for each part its bytes by input. */
export function fillSlot(
  slot: Slot,
  parts: readonly BatchPart[],
  cut: readonly (readonly Uint8Array[])[],
  rows: number,
  { batched, reshapes, padding }: FillOptions,
): readonly InputPlace[] {
  const { inputs } = parts[0]!.request;
  const paddedLength = padding === undefined ? undefined : longestOf(parts).request.padding?.paddedLength;
  if (padding !== undefined && paddedLength !== undefined) return fillPadded(slot, parts, cut, rows, paddedLength, padding, reshapes);
  let total = 0;
  for (const bytes of cut) for (const input of bytes) total += input.byteLength;
  slot.reset(total, inputs.length);
  return inputs.map(({ shape }, input) => {
    const offset = slot.startInput();
    let byteLength = 0;
    for (const bytes of cut) {
      const source = bytes[input]!;
      slot.append(source);
      byteLength += source.byteLength;
    }
    return { offset, byteLength, dims: reshape(batched ? [rows, ...shape.slice(1)] : shape, reshapes.inputs[input], reshapes.hasRows) };
  });
}

function fillPadded(
  slot: Slot,
  parts: readonly BatchPart[],
  cut: readonly (readonly Uint8Array[])[],
  rows: number,
  paddedLength: number,
  { inputs: padded }: PaddingPlan,
  reshapes: Reshapes,
): readonly InputPlace[] {
  const { inputs } = parts[0]!.request;
  let total = 0;
  for (const [part, bytes] of cut.entries()) {
    const growth = paddedLength / parts[part]!.request.padding!.length;
    for (const [input, { byteLength }] of bytes.entries()) total += padded[input] === undefined ? byteLength : byteLength * growth;
  }
  slot.reset(Math.ceil(total), inputs.length);
  return inputs.map(({ shape }, input) => {
    const offset = slot.startInput();
    const dim = padded[input];
    for (const [part, bytes] of cut.entries()) {
      if (dim === undefined) slot.append(bytes[input]!);
      else appendPart(slot, parts[part]!, input, bytes[input]!, dim, paddedLength);
    }
    const dims = [rows, ...shape.slice(1)];
    if (dim !== undefined) dims[dim.dimension] = paddedLength;
    return { offset, byteLength: slot.end - offset, dims: reshape(dims, reshapes.inputs[input], reshapes.hasRows) };
  });
}

function appendPart(
  slot: Slot,
  { request }: BatchPart,
  input: number,
  bytes: Uint8Array,
  { dimension, element }: PaddedDim,
  paddedLength: number,
): void {
  const { shape } = request.inputs[input]!;
  let positionBytes = element.byteLength;
  for (let i = dimension + 1; i < shape.length; i++) positionBytes *= shape[i]!;
  const length = shape[dimension]!;
  if (length === paddedLength) slot.append(bytes);
  else slot.appendPadded(bytes, length * positionBytes, (paddedLength - length) * positionBytes, element);
}
