// What a model's configuration says about inputs that may be padded, so that requests of different lengths share runs.

/** One input that may be padded. */
export interface PaddedInput {
  /** Position of the length in the input's shape, rows included; the first dimension beyond the rows is 1. */
  readonly dimension: number;
  /** What the positions beyond a request's own length hold. */
  readonly value: number;
  /** Whether the input says which positions are real: a request without it gets 1 at each of its own positions. */
  readonly mask: boolean;
}

/** Inputs that may be padded, to which lengths, and how much of it fits into a run. */
export interface PaddingOptions {
  /** By name in the model file; at least one. All have the same length in a request. */
  readonly inputs: ReadonlyMap<string, PaddedInput>;
  /** The shortest padded length. */
  readonly minLength: number;
  /** The longest length that a request may have. */
  readonly maxLength: number;
  /** Each padded length is at most about so many times the one before it. */
  readonly bucketRatio: number;
  /** Most rows times padded length of one run; a single longer row runs alone. */
  readonly maxBatchTokens: number;
}

/** What holds where a configuration names inputs only: lengths of common text models, and as many tokens as 32 of their longest rows. */
export const PADDING_DEFAULTS = Object.freeze({ minLength: 16, maxLength: 512, bucketRatio: 1.5, maxBatchTokens: 16_384 });

/** What holds for an input of which only the name is given. */
export const PADDED_INPUT_DEFAULTS: PaddedInput = Object.freeze({ dimension: 1, value: 0, mask: false });
