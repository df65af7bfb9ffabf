// What a sweep has found, in the words of the file that is to say it.

import type { TunePlace, TuneResult } from "../../tune.ts";

/** Keys of model.yaml. */
export interface TunedSizes {
  readonly instances: number;
  readonly intraOpThreads: number;
  /** Left out for a model whose requests do not share runs, or whose configuration names sizes of batches. */
  readonly maxBatchSize?: number;
}

/** What to set; undefined when nothing is answered within the objective. */
export function sizesOf({ best, findsBatchSize }: TuneResult): TunedSizes | undefined {
  if (best === undefined) return undefined;
  const { instances, intraOpThreads, maxBatchSize } = best;
  return { instances, intraOpThreads, ...(findsBatchSize ? { maxBatchSize } : {}) };
}

/** Lines for model.yaml or config.pbtxt; of a model without a folder those of the model.yaml that it would have. "" when there is nothing to set. */
export function sayIn(place: TunePlace["kind"], result: TuneResult): string {
  const sizes = sizesOf(result);
  if (sizes === undefined) return "";
  const { instances, intraOpThreads, maxBatchSize } = sizes;
  if (place !== "config.pbtxt") {
    return Object.entries(sizes)
      .map(([key, value]) => `${key}: ${value}\n`)
      .join("");
  }
  const kind = result.provider === "cpu" ? "KIND_CPU" : "KIND_GPU";
  return [
    ...(maxBatchSize === undefined ? [] : [`max_batch_size: ${maxBatchSize}`]),
    `instance_group [ { kind: ${kind} count: ${instances} } ]`,
    `parameters { key: "intra_op_thread_count" value { string_value: "${intraOpThreads}" } }`,
    "",
  ].join("\n");
}
