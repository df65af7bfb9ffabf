// The part `padding` of a model.yaml: which inputs may be padded, and to which lengths.

import { booleanField, type Field, intField, mapField, numberField, objectField } from "../config/fields.ts";
import type { PaddingOptions } from "../engine/padding-options.ts";
import { PADDED_INPUT_DEFAULTS, PADDING_DEFAULTS } from "../engine/padding-options.ts";
import { bucketLengths } from "../tensor/length-buckets.ts";

/** Each has run times of its own and is tried before the model is ready. */
const MAX_BUCKETS = 48;

const input = objectField({ dimension: intField(1, 15), value: numberField(-3.4e38, 3.4e38), mask: booleanField() });

const keys = objectField(
  {
    inputs: mapField(input, { max: 64, maxKeyLength: 256 }),
    minLength: intField(1, 1_048_576),
    maxLength: intField(2, 1_048_576),
    bucketRatio: numberField(1.05, 16),
    maxBatchTokens: intField(1, 2 ** 31 - 1),
  },
  ["inputs"],
);

/** Reads it and completes it with defaults. */
export function paddingField(): Field<PaddingOptions> {
  return {
    allowed: keys.allowed,
    read(value, path, report) {
      const given = keys.read(value, path, report);
      if (given === undefined) return undefined;
      const inputs = new Map([...given.inputs].map(([name, own]) => [name, { ...PADDED_INPUT_DEFAULTS, ...own }]));
      const options = { ...PADDING_DEFAULTS, ...given, inputs };
      const { minLength, maxLength, bucketRatio } = options;
      if (inputs.size === 0) report([...path, "inputs"], "must name at least one input");
      else if ([...inputs.values()].every(({ mask }) => mask)) {
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
