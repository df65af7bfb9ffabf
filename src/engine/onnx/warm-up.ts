// Trial runs before a version is ready: they prove that rows are independent, fill the latency table and touch every batch size once.

import type { WarmupSample } from "../backend.ts";
import { ModelError } from "../backend.ts";
import type { EngineRequest } from "../engine.ts";
import type { BatchOutcome } from "../scheduler/executor.ts";
import type { LatencyModel } from "../scheduler/latency-model.ts";
import { rowsWithinTokens } from "../../tensor/length-buckets.ts";
import type { PaddingPlan } from "../../tensor/padding.ts";
import { paddedShapeKeyOf } from "../../tensor/padding.ts";
import { createRowCutter, elementsPerRow } from "../../tensor/rows.ts";
import type { Signature } from "../../tensor/signature.ts";
import type { OnnxInstance } from "./onnx-instance.ts";
import type { PaddingProof } from "./prove-padding.ts";
import { provePadding } from "./prove-padding.ts";
import { sameElements } from "./same-rows.ts";
import { sampleRequest } from "./sample-request.ts";
import type { TrialSample } from "./trial-request.ts";
import { asLongAs, hasFreeDims, trialRequest, whole } from "./trial-request.ts";

/** Rows of the stack that is compared with single runs. */
const PROOF_ROWS = 3;

/** Lengths tried for free dimensions that the configuration says nothing about. */
const FREE_LENGTHS = [8, 1, 32, 224] as const;

/** What warm-up works with. */
export interface WarmUpOptions {
  readonly signature: Signature;
  /** The first instance is proven and measured, the others are run once per size. */
  readonly instances: readonly OnnxInstance[];
  /** Most rows; 0 when requests do not share runs. */
  readonly maxBatchSize: number;
  /** Input bytes up to which requests share a run; larger runs are not tried. */
  readonly maxBatchBytes: number;
  /** The only sizes a run may have, ascending and ending with `maxBatchSize`; empty: every size. */
  readonly allowed: readonly number[];
  readonly runs: number;
  readonly budgetMs: number;
  /** Length of free dimensions by symbol. */
  readonly dims: ReadonlyMap<string, number>;
  /** Requests of the model's configuration, run on every instance. */
  readonly samples: readonly WarmupSample[];
  /** Whether a run takes rows even when they depend on each other. */
  readonly keepsRows: boolean;
  /** How requests are to be padded; undefined: they are not. */
  readonly padding?: PaddingPlan | undefined;
  readonly latency: LatencyModel;
}

/** What warm-up found. */
export interface WarmUpResult {
  /** Why rows must not share a run; undefined when they may, or when the model has no rows. */
  readonly whyNotBatched: string | undefined;
  /** Whether padding changes no answer; undefined where it is not asked for. */
  readonly padding?: PaddingProof | undefined;
  /** What an operator should know; undefined when all went well. */
  readonly warning: string | undefined;
  /** Median of the runs of one row in milliseconds; undefined when none was measured. */
  readonly singleRunMs: number | undefined;
}

/**
 * Runs the trials. One that fails on inputs made up here is no reason to refuse the model, which may well work on real ones.
 * @throws ModelError when it fails on a request of its own configuration.
 */
export async function warmUp(options: WarmUpOptions): Promise<WarmUpResult> {
  await runSamples(options);
  const started = performance.now();
  const first = options.instances[0]!;
  const sample = await findSample(options, first);
  if (sample === undefined) {
    const warning = "The model failed on every made-up input; warm-up was skipped.";
    return {
      whyNotBatched: options.maxBatchSize > 0 ? "its rows could not be proven independent: trial runs failed" : undefined,
      padding: options.padding && { whyNot: "it could not be proven harmless: trial runs failed" },
      warning,
      singleRunMs: undefined,
    };
  }
  const singleRunsMs: number[] = [];
  const whyNotBatched =
    options.maxBatchSize > 1 || options.allowed.length > 0 ? await whyRowsDepend(options, first, sample, singleRunsMs) : undefined;
  const padding = options.padding && (await proveThatPaddingIsHarmless(options, first, sample, options.padding, whyNotBatched));
  const trials = padding?.outputDims !== undefined ? options.padding!.buckets.toReversed() : [undefined];
  for (const [index, instance] of options.instances.entries()) {
    // The first instance is measured; the others only get what their first runs cost behind them.
    const isMeasured = index === 0;
    const runs = isMeasured ? options.runs : 1;
    for (const [done, paddedLength] of trials.entries()) {
      // Every length gets its share of what is left, and one run however little that is.
      const now = performance.now();
      const until = now + Math.max(0, started + options.budgetMs - now) / (trials.length - done);
      const maxRows = maxRowsOf(options, sample, paddedLength, whyNotBatched === undefined || options.keepsRows);
      const sizes = options.allowed.length > 0 ? options.allowed : batchSizes(maxRows);
      for (const rows of sizes) {
        const note = rows === sizes[0] ? (runMs: number) => singleRunsMs.push(runMs) : () => {};
        if (
          !(await measure(options, instance, { sample, rows, paddedLength, isMeasured, isSmallest: rows === sizes[0] }, until, runs, note))
        )
          break;
      }
    }
  }
  const singleRunMs = singleRunsMs.toSorted((a, b) => a - b)[singleRunsMs.length >> 1];
  return { whyNotBatched, padding, warning: undefined, singleRunMs };
}

async function proveThatPaddingIsHarmless(
  options: WarmUpOptions,
  instance: OnnxInstance,
  sample: TrialSample,
  { buckets }: PaddingPlan,
  whyNotBatched: string | undefined,
): Promise<PaddingProof> {
  if (options.maxBatchSize < 2 || whyNotBatched !== undefined) return { whyNot: "requests do not share runs" };
  // Where everything is zero, padding looks like what it pads.
  if (sample.kind === "zeros") return { whyNot: "it could not be proven harmless: the model takes no made-up values" };
  const request = (length: number, paddedLength?: number): EngineRequest =>
    trialRequest(options, sample, 1, length, { length, paddedLength });
  try {
    return await provePadding(options.signature, buckets, request, (requests) =>
      instance.warm(requests.map(whole), requests.length, requests[0]!.outputs),
    );
  } catch {
    return { whyNot: "it could not be proven harmless: a trial run failed" };
  }
}

/** Rows of the largest run that can occur. @param isShared whether a run takes several. */
function maxRowsOf(options: WarmUpOptions, sample: TrialSample, paddedLength: number | undefined, isShared: boolean): number {
  if (!isShared) return 1;
  const { maxBatchSize, maxBatchBytes, padding } = options;
  const { inputs } = trialRequest(options, sample, 1, 1, asLongAs(paddedLength));
  const rowBytes = inputs.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  const rows = paddedLength === undefined ? maxBatchSize : rowsWithinTokens(maxBatchSize, padding!.maxBatchTokens, paddedLength);
  return Math.max(1, Math.floor(Math.min(rows, maxBatchBytes / rowBytes)));
}

/** 1, 2, 4 … and the largest itself. */
function batchSizes(maxRows: number): number[] {
  const sizes: number[] = [];
  for (let rows = 1; rows < maxRows; rows *= 2) sizes.push(rows);
  return [...sizes, maxRows];
}

interface Trial {
  readonly sample: TrialSample;
  readonly rows: number;
  /** Undefined where nothing is padded. */
  readonly paddedLength: number | undefined;
  /** Whether its times count. */
  readonly isMeasured: boolean;
  /** Whether no smaller size is tried. */
  readonly isSmallest: boolean;
}

async function measure(
  options: WarmUpOptions,
  instance: OnnxInstance,
  { sample, rows, paddedLength, isMeasured, isSmallest }: Trial,
  until: number,
  runs: number,
  note: (runMs: number) => void,
): Promise<boolean> {
  const { latency, padding } = options;
  const request = trialRequest(options, sample, rows, 1, asLongAs(paddedLength));
  const shapeKey = paddedLength === undefined ? "" : paddedShapeKeyOf(request.inputs, padding!, paddedLength);
  for (let i = 0; i < runs; i++) {
    // However little time there is: admission knows nothing of a model that has never run, nor of a length.
    const isNeeded = isMeasured && isSmallest && i < (paddedLength === undefined ? 2 : 1);
    if (performance.now() > until && !isNeeded) return false;
    try {
      const { runMs } = await instance.warm([whole(request)], rows, request.outputs);
      if (!isMeasured) continue;
      note(runMs);
      const at = performance.now();
      // The first run of a size pays for memory that later ones reuse. Where all lengths count as one, it is as if all were the longest.
      const isFirst = i === 0 && runs > 1;
      if (!isFirst && (paddedLength === undefined || paddedLength === padding!.buckets.at(-1))) latency.record(rows, runMs, at);
      if (shapeKey !== "") latency.record(rows, runMs, at, shapeKey);
    } catch {
      return false;
    }
  }
  return true;
}

async function runSamples(options: WarmUpOptions): Promise<void> {
  const { signature, instances, maxBatchSize, samples } = options;
  for (const sample of samples) {
    const request = sampleRequest(signature, sample, maxBatchSize > 0);
    for (const instance of instances) {
      for (let i = 0; i < sample.count; i++) {
        try {
          await instance.warm([whole(request)], ranRows(options, request.rows), request.outputs);
        } catch {
          throw new ModelError(`The model failed on the warm-up request ${JSON.stringify(sample.name)} of its configuration.`);
        }
      }
    }
  }
}

/** The first kind of made-up input that the model takes. */
async function findSample(options: WarmUpOptions, instance: OnnxInstance): Promise<TrialSample | undefined> {
  for (const kind of ["varied", "zeros"] as const) {
    for (const freeLength of FREE_LENGTHS) {
      const request = trialRequest(options, { kind, freeLength }, 1, 1);
      try {
        await instance.warm([whole(request)], ranRows(options, 1), request.outputs);
        return { kind, freeLength };
      } catch {
        // The next kind may do.
      }
      if (!hasFreeDims(options)) break;
    }
  }
  return undefined;
}

/** Stacks rows and compares with each row alone. */
async function whyRowsDepend(
  options: WarmUpOptions,
  instance: OnnxInstance,
  sample: TrialSample,
  singleRunsMs: number[],
): Promise<string | undefined> {
  const count = Math.min(PROOF_ROWS, options.maxBatchSize);
  const singles = Array.from({ length: count }, (_, row) => trialRequest(options, sample, 1, row + 1));
  const outputs = singles[0]!.outputs;
  const stackedRows = ranRows(options, count);
  const aloneRows = ranRows(options, 1);
  let stacked: BatchOutcome;
  const alone: BatchOutcome[] = [];
  try {
    stacked = await instance.warm(singles.map(whole), stackedRows, outputs);
    for (const single of singles) alone.push(await instance.warm([whole(single)], aloneRows, outputs));
    const again = await instance.warm([whole(singles[0]!)], aloneRows, outputs);
    const changed = outputs.find(
      (output) => !sameElements(again.outputs[output]!.dtype, again.outputs[output]!.bytes, alone[0]!.outputs[output]!.bytes),
    );
    if (changed !== undefined) {
      return `answers are not repeatable: output ${JSON.stringify(options.signature.outputs[changed]!.name)} of the same row differs from run to run`;
    }
  } catch {
    return "its rows could not be proven independent: a trial run of several rows failed";
  }
  for (const { runMs } of alone) singleRunsMs.push(runMs);
  for (const output of outputs) {
    const { name } = options.signature.outputs[output]!;
    const block = stacked.outputs[output]!;
    if (block.shape[0] !== stackedRows) return `output ${JSON.stringify(name)} does not have one entry per row`;
    const cutter = createRowCutter(block.dtype, block.bytes, stackedRows, elementsPerRow(block.shape));
    for (let row = 0; row < count; row++) {
      const single = alone[row]!.outputs[output]!;
      const singleRow = createRowCutter(single.dtype, single.bytes, aloneRows, elementsPerRow(single.shape)).cut(0, 1);
      if (!sameElements(block.dtype, cutter.cut(row, 1), singleRow)) {
        return `rows influence each other: output ${JSON.stringify(name)} of a row differs when it runs with others`;
      }
    }
  }
  return undefined;
}

/** Rows that a run of so many really has. */
function ranRows({ allowed }: WarmUpOptions, rows: number): number {
  return allowed.find((size) => size >= rows) ?? rows;
}
