// The batch sizes that a configuration names, held against what a run may take.

import type { Signature, TensorSpec } from "../../tensor/signature.ts";
import { ModelError } from "../backend.ts";

/** Both files may set it. */
const MAX_KEY = "maxBatchSize (max_batch_size in config.pbtxt)";
const PREFERRED_KEY = "preferredBatchSizes (preferred_batch_size in config.pbtxt)";

/** Each size once, smallest first. */
export function sortSizes(sizes: readonly number[]): readonly number[] {
  return [...new Set(sizes)].toSorted((a, b) => a - b);
}

/**
 * The signature of a file that may have been made for one batch size, with that size made free: such a model takes any number of rows,
 * filled up to it.
 * @param allowed ascending. @throws ModelError if the file is made for a size that is not the only one allowed.
 */
export function freeRows(signature: Signature, allowed: readonly number[]): Signature {
  const free = (spec: TensorSpec): TensorSpec => {
    const [rows, ...others] = spec.dims;
    if (rows === undefined || rows.size === -1) return spec;
    if (allowed.length !== 1 || rows.size !== allowed[0]) {
      throw new ModelError(
        `allowedBatchSizes is ${allowed.join(", ")}, but the first dimension of ${JSON.stringify(spec.name)} is ${rows.size}.`,
      );
    }
    return { ...spec, dims: [{ size: -1, symbol: "" }, ...others] };
  };
  return { inputs: signature.inputs.map(free), outputs: signature.outputs.map(free) };
}

/**
 * Most rows of a run where only certain sizes are allowed: the largest of them.
 * @param allowed ascending, at least one. @param given the configuration's own word on it. @throws ModelError if they differ.
 */
export function largestAllowed(allowed: readonly number[], given: number | undefined): number {
  const largest = allowed.at(-1)!;
  if (given === undefined || given === largest) return largest;
  throw new ModelError(`${MAX_KEY} is ${given}, but the largest of allowedBatchSizes is ${largest}: leave it out, or give both the same.`);
}

/**
 * @param allowed empty where every size is. @param maxBatchSize most rows of a run; 0 without rows.
 * @throws ModelError if a preferred size can never be reached.
 */
export function assertPreferred(sizes: readonly number[], allowed: readonly number[], maxBatchSize: number): void {
  const other = allowed.length === 0 ? undefined : sizes.find((size) => !allowed.includes(size));
  if (other !== undefined) {
    throw new ModelError(`${PREFERRED_KEY} has ${other}, which allowedBatchSizes does not: ${allowed.join(", ")}.`);
  }
  const over = sizes.find((size) => size > maxBatchSize);
  if (over === undefined) return;
  const most = maxBatchSize === 0 ? "has no rows" : `takes at most ${maxBatchSize} rows`;
  throw new ModelError(`${PREFERRED_KEY} has ${over}; a run ${most} (maxBatchSize, max_batch_size in config.pbtxt).`);
}
