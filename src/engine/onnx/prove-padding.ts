// Trial runs that prove that padding changes no answer, and show which outputs are as long as the inputs.

import type { EngineRequest } from "../engine.ts";
import type { BatchOutcome, OutputBlock } from "../scheduler/executor.ts";
import { createRowCutter, elementsPerRow } from "../../tensor/rows.ts";
import type { Signature } from "../../tensor/signature.ts";
import { trim } from "../../tensor/trim.ts";
import { sameElements } from "./same-rows.ts";

/** What the proof found: one of the two. */
export interface PaddingProof {
  /** Why padding must not be used. */
  readonly whyNot?: string;
  /** By output the dimensions that are as long as the inputs. */
  readonly outputDims?: readonly (readonly number[])[];
}

/** Runs one row of each request, all made up. Rejects when the model does. */
export type TrialRun = (requests: readonly EngineRequest[]) => Promise<BatchOutcome>;

/**
 * Compares two rows of different lengths, each alone and unpadded, with the same two rows in one run and with the shorter one padded as far
 * as it goes.
 * @param request one row of this length; unpadded without `paddedLength`. Always the same values for the same length.
 */
export async function provePadding(
  { outputs }: Signature,
  buckets: readonly number[],
  request: (length: number, paddedLength?: number) => EngineRequest,
  run: TrialRun,
): Promise<PaddingProof> {
  const longest = buckets.at(-1)!;
  const bucket = buckets.find((length) => length > 2) ?? longest;
  const lengths = [Math.ceil(bucket / 2), Math.max(Math.ceil(bucket / 2) + 1, Math.floor((3 * bucket) / 4))] as const;
  let padded: BatchOutcome;
  try {
    // The largest run first, so that memory grows once.
    padded = await run([request(lengths[0], longest)]);
  } catch {
    return { whyNot: `a trial run of length ${longest} (padding.maxLength) failed` };
  }
  const alone = [await run([request(lengths[0])]), await run([request(lengths[1])])] as const;
  const together = await run([request(lengths[0], bucket), request(lengths[1], bucket)]);
  const outputDims: (readonly number[])[] = [];
  for (const [index, { name }] of outputs.entries()) {
    const shapes = alone.map((outcome) => outcome.outputs[index]!.shape);
    const dims = dimsThatFollow(shapes[0]!, shapes[1]!, lengths);
    if (dims === undefined) return { whyNot: `output ${JSON.stringify(name)} changes its shape with the length, but is not as long as it` };
    outputDims.push(dims);
    const isSame =
      equals(cutRow(padded.outputs[index]!, 0, 1), longest, dims, lengths[0], alone[0].outputs[index]!) &&
      lengths.every((length, row) => equals(cutRow(together.outputs[index]!, row, 2), bucket, dims, length, alone[row]!.outputs[index]!));
    if (!isSame) return { whyNot: `padding changes answers: output ${JSON.stringify(name)} of a row differs when the row is padded` };
  }
  return { outputDims };
}

/** Dimensions that have the length in both; undefined when others differ. */
function dimsThatFollow(a: readonly number[], b: readonly number[], [lengthA, lengthB]: readonly [number, number]): number[] | undefined {
  const dims = a.flatMap((size, dim) => (dim > 0 && size === lengthA && b[dim] === lengthB ? [dim] : []));
  const isElsewhere = a.length !== b.length || a.some((size, dim) => size !== b[dim] && !dims.includes(dim));
  return isElsewhere ? undefined : dims;
}

function cutRow({ dtype, shape, bytes }: OutputBlock, row: number, rows: number): OutputBlock | undefined {
  if (shape[0] !== rows) return undefined;
  return { dtype, shape: [1, ...shape.slice(1)], bytes: createRowCutter(dtype, bytes, rows, elementsPerRow(shape)).cut(row, 1) };
}

function equals(row: OutputBlock | undefined, from: number, dims: readonly number[], length: number, alone: OutputBlock): boolean {
  if (row === undefined || dims.some((dim) => row.shape[dim] !== from)) return false;
  const own = dims.length === 0 ? row : trim(row, dims, length);
  return own.shape.every((size, dim) => size === alone.shape[dim]) && sameElements(own.dtype, own.bytes, alone.bytes);
}
