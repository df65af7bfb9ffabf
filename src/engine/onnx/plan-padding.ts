// How a model is padded: what its configuration says, held against its signature.

import { ModelError } from "../backend.ts";
import type { PaddedInput, PaddingOptions } from "../padding-options.ts";
import { bucketLengths } from "../../tensor/length-buckets.ts";
import { padElement } from "../../tensor/pad-element.ts";
import type { PaddedDim, PaddingPlan } from "../../tensor/padding.ts";
import type { Signature, TensorSpec } from "../../tensor/signature.ts";
import type { QueuePadding } from "../scheduler/padded-length.ts";
import type { PaddingProof } from "./prove-padding.ts";
import type { Reshapes } from "./reshape.ts";

/** @throws ModelError naming the first key of `padding` that does not fit the signature. */
export function planPadding(options: PaddingOptions, { inputs }: Signature, reshapes: Reshapes): PaddingPlan {
  for (const name of options.inputs.keys()) {
    if (inputs.some((spec) => spec.name === name)) continue;
    throw new ModelError(`padding.inputs names ${quoted(name)}; the model has ${inputs.map((spec) => quoted(spec.name)).join(", ")}.`);
  }
  const padded = inputs.map((spec, index) => {
    const given = options.inputs.get(spec.name);
    return given === undefined ? undefined : planInput(spec, given, reshapes.inputs[index] !== undefined);
  });
  assertNoOtherShares(inputs, padded);
  const { minLength, maxLength, bucketRatio, maxBatchTokens } = options;
  const lengthInput = padded.findIndex((input) => input !== undefined && !input.isMask);
  return { inputs: padded, lengthInput, buckets: bucketLengths(minLength, maxLength, bucketRatio), maxBatchTokens };
}

function planInput({ name, dtype, dims }: TensorSpec, { dimension, value, mask }: PaddedInput, isReshaped: boolean): PaddedDim {
  const key = `padding.inputs[${quoted(name)}]`;
  if (isReshaped) throw new ModelError(`${key}: an input that is reshaped cannot be padded.`);
  if (dtype === "STRING") throw new ModelError(`${key}: inputs of type STRING cannot be padded.`);
  const size = dims[dimension]?.size;
  if (size !== -1) {
    const why = size === undefined ? `has ${dims.length} dimensions, the rows being dimension 0` : `is fixed at ${size} there`;
    throw new ModelError(`${key}.dimension: must be a free dimension; ${dimension} is not, the input ${why}.`);
  }
  const element = padElement(dtype, value);
  if (element === undefined) throw new ModelError(`${key}.value: ${value} is no ${dtype}.`);
  if (mask && !(dims.length === 2 && dimension === 1)) throw new ModelError(`${key}.mask: a mask has two dimensions, rows and length.`);
  return { dimension, element, isMask: mask };
}

/** An input with the same length that stays as it is would not fit the padded ones. */
function assertNoOtherShares(inputs: readonly TensorSpec[], padded: readonly (PaddedDim | undefined)[]): void {
  const symbols = new Set(inputs.map(({ dims }, i) => dims[padded[i]?.dimension ?? -1]?.symbol ?? "").filter((symbol) => symbol !== ""));
  for (const [i, { name, dims }] of inputs.entries()) {
    const other = dims.findIndex(({ symbol }, dim) => symbols.has(symbol) && padded[i]?.dimension !== dim);
    if (other === -1) continue;
    const length = quoted(dims[other]!.symbol);
    const advice = padded[i] === undefined ? "add it to padding.inputs" : "an input can be padded in one dimension only";
    throw new ModelError(`padding.inputs: ${quoted(name)} has the length ${length} in dimension ${other} too: ${advice}.`);
  }
}

/** The signature with its masks marked as inputs that requests may leave out. */
export function withOptionalMasks(signature: Signature, plan: PaddingPlan | undefined): Signature {
  const inputs = signature.inputs.map((spec, i) => (plan?.inputs[i]?.isMask === true ? { ...spec, optional: true } : spec));
  return { ...signature, inputs };
}

function quoted(name: string): string {
  return JSON.stringify(name);
}

/** How a version is padded after all. */
export interface Padding {
  /** Undefined where nothing is padded. */
  readonly plan: PaddingPlan | undefined;
  /** The same for the scheduler. */
  readonly queue: QueuePadding | undefined;
  /** Why nothing is padded although the configuration asks for it. */
  readonly whyNot: string | undefined;
  /** What follows the words on how requests are batched. */
  readonly note: string;
}

/** Padding holds only where trial runs have proven that it changes no answer. */
export function padWhereProven(plan: PaddingPlan | undefined, proof: PaddingProof | undefined): Padding {
  if (plan === undefined || proof === undefined) return { plan: undefined, queue: undefined, whyNot: undefined, note: "" };
  const { whyNot, outputDims } = proof;
  if (outputDims === undefined) return { plan: undefined, queue: undefined, whyNot, note: "" };
  return {
    plan,
    queue: { maxBatchTokens: plan.maxBatchTokens, outputDims },
    whyNot,
    note: `; padded to lengths ${plan.buckets.join(", ")}`,
  };
}
