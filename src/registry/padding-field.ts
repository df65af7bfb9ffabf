// The part `padding` of a model.yaml: which inputs may be padded, and to which lengths.

import { booleanField, type Field, intField, mapField, numberField, objectField } from "../config/fields.ts";
import type { PaddingOptions } from "../engine/padding-options.ts";
import { PADDED_INPUT_DEFAULTS, PADDING_DEFAULTS } from "../engine/padding-options.ts";
import { bucketLengths } from "../tensor/length-buckets.ts";

/** Each has run times of its own and is tried before the model is ready. */
const MAX_BUCKETS = 48;

const MAX_LENGTH = 1_048_576;

const inputFields = { dimension: intField(1, 15), value: numberField(-3.4e38, 3.4e38), mask: booleanField() };

const lengthFields = {
  minLength: intField(1, MAX_LENGTH),
  maxLength: intField(2, MAX_LENGTH),
  bucketRatio: numberField(1.05, 16),
  maxBatchTokens: intField(1, 2 ** 31 - 1),
};

const inputs = mapField(objectField(inputFields), { max: 64, maxKeyLength: 256 });

const all = objectField({ inputs, ...lengthFields }, ["inputs"]);

/** What each key means, for the README. */
const MEANINGS: Readonly<Record<keyof typeof inputFields | keyof typeof lengthFields, string>> = {
  dimension: "Of an input: position of the length in its shape, rows included.",
  value: "Of an input: what the positions beyond a request's own length hold.",
  mask: "Of an input: whether it says which positions are real; a request without it gets 1 at each of its own.",
  minLength: "The shortest length that requests are padded to.",
  maxLength: "The longest length; a longer request is refused.",
  bucketRatio: "How far the lengths that requests are padded to lie apart at most.",
  maxBatchTokens: "Most rows times padded length of one run; a single longer row runs alone.",
};

/** One key as the README shows it. */
export interface PaddingKey {
  readonly key: string;
  readonly default: string;
  /** What is allowed. */
  readonly range: string;
  readonly meaning: string;
}

/** All keys but `inputs`, in the order of the README. */
export function paddingKeys(): readonly PaddingKey[] {
  const fields = { ...inputFields, ...lengthFields };
  const defaults = { ...PADDED_INPUT_DEFAULTS, ...PADDING_DEFAULTS };
  return Object.entries(MEANINGS).map(([name, meaning]) => {
    const key = name as keyof typeof MEANINGS; // the keys of MEANINGS are those of both
    return { key, default: String(defaults[key]), range: fields[key].allowed, meaning };
  });
}

/** Reads it and completes it with defaults. */
export function paddingField(): Field<PaddingOptions> {
  return {
    allowed: all.allowed,
    read(value, path, report) {
      const given = all.read(value, path, report);
      if (given === undefined) return undefined;
      const named = new Map([...given.inputs].map(([name, own]) => [name, { ...PADDED_INPUT_DEFAULTS, ...own }]));
      const options = { ...PADDING_DEFAULTS, ...given, inputs: named };
      const { minLength, maxLength, bucketRatio } = options;
      if (named.size === 0) report([...path, "inputs"], "must name at least one input");
      else if ([...named.values()].every(({ mask }) => mask)) {
        report([...path, "inputs"], "must name an input that is not a mask, which tells the length");
      }
      if (minLength > maxLength) report([...path, "minLength"], `must be at most maxLength, ${maxLength}, got ${minLength}`);
      const buckets = bucketLengths(minLength, maxLength, bucketRatio).length;
      if (buckets > MAX_BUCKETS) {
        report([...path, "bucketRatio"], `gives ${buckets} lengths from ${minLength} to ${maxLength}; at most ${MAX_BUCKETS} are allowed`);
      }
      return options;
    },
  };
}
