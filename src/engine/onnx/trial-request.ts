// Made-up requests for trial runs.

import type { EngineRequest } from "../engine.ts";
import type { BatchPart } from "../scheduler/executor.ts";
import { onesOf } from "../../tensor/pad-element.ts";
import type { PaddingPlan } from "../../tensor/padding.ts";
import type { Signature } from "../../tensor/signature.ts";
import type { SampleKind } from "./sample-input.ts";
import { sampleTensor } from "./sample-input.ts";

/** What made-up requests have to fit. */
export interface TrialOptions {
  readonly signature: Signature;
  /** Most rows; 0 when the model has none. */
  readonly maxBatchSize: number;
  /** Length of free dimensions by symbol. */
  readonly dims: ReadonlyMap<string, number>;
  /** How requests are to be padded; undefined: they are not. */
  readonly padding?: PaddingPlan | undefined;
}

/** What made-up requests hold. */
export interface TrialSample {
  readonly kind: SampleKind;
  /** Length of free dimensions about which nothing is said. */
  readonly freeLength: number;
}

/** A length that needs no padding to be this long. */
export function asLongAs(paddedLength: number | undefined): TrialLength | undefined {
  return paddedLength === undefined ? undefined : { length: paddedLength, paddedLength };
}

/** All rows of a request. */
export function whole(request: EngineRequest): BatchPart {
  return { request, firstRow: 0, rows: request.rows };
}

/** How long the padded inputs of a made-up request are. */
export interface TrialLength {
  readonly length: number;
  /** Undefined: it runs as it is. */
  readonly paddedLength?: number | undefined;
}

/** @param trial lengths of the inputs that may be padded; by default they are as long as others. */
export function trialRequest(options: TrialOptions, sample: TrialSample, rows: number, seed: number, trial?: TrialLength): EngineRequest {
  const { signature, padding } = options;
  const inputs = signature.inputs.map((spec, index) => {
    const padded = padding?.inputs[index];
    const lengthAt = (position: number): number => lengthOfDim(options, sample, rows, spec.dims[position]!.symbol, position);
    if (padded === undefined) return sampleTensor(spec, lengthAt, sample.kind, seed * 1000 + index);
    const length = trial?.length ?? Math.min(lengthAt(padded.dimension), padding!.buckets.at(-1)!);
    const tensor = sampleTensor(spec, (at) => (at === padded.dimension ? length : lengthAt(at)), sample.kind, seed * 1000 + index);
    // Every position of a made-up request is a real one.
    return padded.isMask ? { ...tensor, bytes: onesOf(spec.dtype, rows * length) } : tensor;
  });
  const paddedLength = trial?.paddedLength;
  return {
    inputs,
    rows,
    shapeKey: "",
    padding: trial === undefined || paddedLength === undefined ? undefined : { length: trial.length, paddedLength },
    outputs: signature.outputs.map((_, index) => index),
    priority: 0,
    queueTimeoutMs: 0,
  };
}

function lengthOfDim(
  { maxBatchSize, dims }: TrialOptions,
  { freeLength }: TrialSample,
  rows: number,
  symbol: string,
  position: number,
): number {
  return maxBatchSize > 0 && position === 0 ? rows : (dims.get(symbol) ?? freeLength);
}

/** Whether lengths have to be made up. */
export function hasFreeDims({ signature, maxBatchSize }: TrialOptions): boolean {
  return signature.inputs.some(({ dims }) => dims.some(({ size }, position) => size === -1 && !(maxBatchSize > 0 && position === 0)));
}
