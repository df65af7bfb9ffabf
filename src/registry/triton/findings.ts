// What becomes of each setting of a Triton configuration.

import type { FieldPath } from "../../config/fields.ts";
import { showPath } from "../../config/show.ts";

/** `mapped`: it acts, or has nothing to act on. `warning`: the model is served without it. `refusal`: the model is not served. */
export type FindingLevel = "mapped" | "warning" | "refusal";

/** What becomes of one setting. */
export interface Finding {
  /** Where it stands, e.g. `dynamic_batching.preserve_ordering`. */
  readonly field: string;
  readonly level: FindingLevel;
  /** Continues a sentence that starts with the field. Holds no path of this machine. */
  readonly text: string;
}

/** Takes findings. */
export interface Findings {
  mapped(path: FieldPath, text: string): void;
  warn(path: FieldPath, text: string): void;
  refuse(path: FieldPath, text: string): void;
  /** In the order they came; at most 200 of each level, and how many more there are. */
  all(): readonly Finding[];
}

const MAX_PER_LEVEL = 200;

/** Makes an empty collection. */
export function createFindings(): Findings {
  const counts = { mapped: 0, warning: 0, refusal: 0 };
  const found: Finding[] = [];
  const add =
    (level: FindingLevel) =>
    (path: FieldPath, text: string): void => {
      if (++counts[level] <= MAX_PER_LEVEL) found.push({ field: showPath(path), level, text });
    };
  return {
    mapped: add("mapped"),
    warn: add("warning"),
    refuse: add("refusal"),
    all() {
      const over = (["mapped", "warning", "refusal"] as const).filter((level) => counts[level] > MAX_PER_LEVEL);
      return [...found, ...over.map((level) => ({ field: "others", level, text: `are ${counts[level] - MAX_PER_LEVEL} more` }))];
    },
  };
}
