// Cuts a batch's outputs into the rows of each request, and joins the parts of a request that was split.

import { createRowCutter, elementsPerRow, joinRows } from "../../tensor/rows.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { trim } from "../../tensor/trim.ts";
import type { EngineResult } from "../engine.ts";
import type { BatchOutcome, OutputBlock } from "./executor.ts";
import { RunFailure } from "./executor.ts";
import type { Job, JobOutcome } from "./job.ts";
import type { QueuePadding } from "./padded-length.ts";
import { longestOf } from "./padded-length.ts";

/** The blocks of every job of a batch, in the order each request asked for, without what padding added. */
export function cutBatch(
  jobs: readonly Job[],
  rows: number,
  outcome: BatchOutcome,
  padding: QueuePadding | undefined,
): readonly (readonly OutputBlock[])[] {
  const blocks = cutRows(jobs, rows, outcome);
  const paddedLength = padding === undefined ? undefined : longestOf(jobs).request.padding?.paddedLength;
  if (padding === undefined || paddedLength === undefined) return blocks;
  return jobs.map(({ request }, job) =>
    request.outputs.map((output, i) => trimBlock(blocks[job]![i]!, padding.outputDims[output]!, request.padding!.length, paddedLength)),
  );
}

function trimBlock(block: OutputBlock, dims: readonly number[], length: number, paddedLength: number): OutputBlock {
  const other = dims.find((dim) => block.shape[dim] !== paddedLength);
  if (other !== undefined) {
    throw new RunFailure(
      `An output of a run padded to ${paddedLength} has length ${String(block.shape[other])} in dimension ${other}.`,
      false,
    );
  }
  return dims.length === 0 || length === paddedLength ? block : trim(block, dims, length);
}

function cutRows(jobs: readonly Job[], rows: number, outcome: BatchOutcome): readonly (readonly OutputBlock[])[] {
  const [only] = jobs;
  if (jobs.length === 1 && only!.rows === only!.request.rows && only!.rows === rows)
    return [only!.request.outputs.map((output) => outcome.outputs[output]!)];
  const cutters = outcome.outputs.map((block, output) => {
    if (block === undefined) return undefined;
    if (block.shape[0] !== rows) {
      throw new RunFailure(`Output ${output} has first dimension ${String(block.shape[0])} for a batch of ${rows} rows.`, false);
    }
    return createRowCutter(block.dtype, block.bytes, rows, elementsPerRow(block.shape));
  });
  let first = 0;
  return jobs.map((job) => {
    const blocks = job.request.outputs.map((output) => {
      const { dtype, shape } = outcome.outputs[output]!;
      return { dtype, shape: [job.rows, ...shape.slice(1)], bytes: cutters[output]!.cut(first, job.rows) };
    });
    first += job.rows;
    return blocks;
  });
}

/** The result of a request from what its jobs brought home, in row order. */
export function joinOutcomes(outcomes: readonly JobOutcome[], outputs: readonly number[], outputNames: readonly string[]): EngineResult {
  const [head] = outcomes;
  if (head === undefined) throw new Error("A request without jobs was answered. This is a bug.");
  const tensorOf = (outcome: JobOutcome, position: number): Tensor => {
    const { dtype, shape, bytes } = outcome.blocks[position]!;
    return { name: outputNames[outputs[position]!]!, dtype, shape, bytes, problem: undefined };
  };
  if (outcomes.length === 1) {
    const tensors = outputs.map((_, position) => tensorOf(head, position));
    return toResult(head, head.batchRows, tensors);
  }
  let batchRows = 0;
  let last = head;
  for (const outcome of outcomes) {
    for (const [position, block] of outcome.blocks.entries()) assertSameWidth(head.blocks[position]!, block);
    batchRows = Math.max(batchRows, outcome.batchRows);
    if (outcome.endedAt > last.endedAt) last = outcome;
  }
  const tensors = outputs.map((_, position) => joinRows(outcomes.map((outcome) => tensorOf(outcome, position))));
  return toResult(last, batchRows, tensors);
}

/** Times are those of the part that came home last: parts overlap, and added up they would be longer than the wait for them. */
function toResult({ queueMs, batchMs, runMs, endedAt }: JobOutcome, batchRows: number, outputs: readonly Tensor[]): EngineResult {
  return { outputs, batchRows, queueMs, batchMs, runMs, runEndedAt: endedAt };
}

/** Parts of one request can only be joined when they are equally wide: an output whose other dimensions depend on the data is not. */
function assertSameWidth(a: OutputBlock, b: OutputBlock): void {
  const same = a.shape.length === b.shape.length && a.shape.every((dim, i) => i === 0 || dim === b.shape[i]);
  if (!same) throw new RunFailure("The parts of a split request came back in different shapes.", false);
}
