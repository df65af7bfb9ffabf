// Rows of a run and who shares it, as a Triton configuration has them.

import type { ModelDynamicBatching } from "../../../generated/inference/model_config.ts";
import { SETTINGS } from "../../config/settings.ts";
import { PLAIN_QUEUE } from "../../engine/queue-policy.ts";
import type { ModelSettings } from "../model-settings.ts";
import type { Findings } from "./findings.ts";
import { mapQueue, toMs } from "./map-queue.ts";
import type { GivenConfig } from "./parse-config.ts";

/**
 * Without `dynamic_batching` every request has its runs to itself, as in Triton; and as in Triton a configuration that leaves its inputs
 * or outputs to the file leaves that to it as well.
 */
export function mapBatching(
  given: GivenConfig,
  findings: Findings,
): Pick<ModelSettings, "maxBatchSize" | "sharesRuns" | "preferredBatchSizes" | "preserveOrdering" | "queue" | "maxQueueDelayMs"> {
  const maxBatchSize = mapMaxBatchSize(given, findings);
  const choice = given.config.schedulingChoice;
  if (choice?.$case === "sequenceBatching") findings.refuse(["sequence_batching"], "cannot be honoured: sequences are not kept together");
  if (choice?.$case === "ensembleScheduling") findings.refuse(["ensemble_scheduling"], "cannot be honoured: models are not chained");
  const batching = choice?.$case === "dynamicBatching" ? choice.value : undefined;
  const { input, output } = given.config;
  const isIncomplete = input.length === 0 || output.length === 0;
  const sharesRuns = maxBatchSize === undefined || (maxBatchSize > 0 && (batching !== undefined || isIncomplete));
  if (batching === undefined) {
    if (!sharesRuns && maxBatchSize !== 0) findings.mapped(["dynamic_batching"], "is not given: requests do not share runs");
    return { maxBatchSize, sharesRuns, preferredBatchSizes: [], preserveOrdering: false, queue: PLAIN_QUEUE, maxQueueDelayMs: undefined };
  }
  findings.mapped(["dynamic_batching"], sharesRuns ? "lets requests share runs" : "shares no runs while max_batch_size is 0");
  const preferredBatchSizes = mapPreferred(batching.preferredBatchSize, maxBatchSize, findings);
  return {
    maxBatchSize,
    sharesRuns,
    preferredBatchSizes,
    preserveOrdering: batching.preserveOrdering,
    queue: mapQueue(batching, findings),
    maxQueueDelayMs: mapDelay(batching, findings),
  };
}

function mapMaxBatchSize({ config, givenMaxBatchSize }: GivenConfig, findings: Findings): number | undefined {
  const path = ["max_batch_size"];
  const given = config.maxBatchSize;
  if (!givenMaxBatchSize) {
    if (config.input.length === 0) return undefined;
    findings.mapped(path, "is not given but inputs are: the model has no rows");
    return 0;
  }
  if (given < 0) {
    findings.refuse(path, `must be 0 or more, got ${given}`);
    return 0;
  }
  const { max } = SETTINGS.maxBatchSize;
  if (given > max) findings.warn(path, `is ${given}: a run takes at most ${max} rows`);
  else findings.mapped(path, given === 0 ? "is 0: the model has no rows" : `lets a run take ${given} ${given === 1 ? "row" : "rows"}`);
  return Math.min(given, max);
}

function mapPreferred(sizes: readonly number[], maxBatchSize: number | undefined, findings: Findings): readonly number[] {
  if (sizes.length === 0) return [];
  const path = ["dynamic_batching", "preferred_batch_size"];
  const bad = sizes.find((size) => size < 1 || size > (maxBatchSize ?? Number.POSITIVE_INFINITY));
  if (bad === undefined) {
    if (sizes.every((size) => size === maxBatchSize)) {
      findings.mapped(path, "is max_batch_size, as without it");
      return [];
    }
    findings.mapped(path, `ends a wait at ${sizes.join(", ")} rows, and cuts a batch to that where a row then takes less time`);
    return sizes;
  }
  if (maxBatchSize === 0) findings.refuse(path, "must be empty while max_batch_size is 0");
  else findings.refuse(path, `must be from 1 to ${maxBatchSize ?? "max_batch_size"}, got ${bad}`);
  return [];
}

function mapDelay({ maxQueueDelayMicroseconds }: ModelDynamicBatching, findings: Findings): number | undefined {
  if (maxQueueDelayMicroseconds === 0n) return undefined;
  const path = ["dynamic_batching", "max_queue_delay_microseconds"];
  const { max } = SETTINGS.maxQueueDelayMs;
  const delayMs = toMs(maxQueueDelayMicroseconds);
  if (delayMs < 1) findings.warn(path, "is below a millisecond, the shortest time that a timer knows: no request waits for others");
  else if (delayMs > max) findings.warn(path, `is ${delayMs} ms: a request waits at most ${max} ms for others`);
  else findings.mapped(path, `lets a request wait up to ${delayMs} ms for others, while that saves time (gate: fixed waits always)`);
  return Math.min(delayMs, max);
}
