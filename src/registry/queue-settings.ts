// How requests of a model wait: the model's own configuration over the server's settings.

import type { Config } from "../config/config.ts";
import type { LoadOptions } from "../engine/backend.ts";
import type { ModelSettings } from "./model-settings.ts";

/** What the scheduler is told about one model, and what is shown of it. */
export type QueueSettings = Pick<
  LoadOptions,
  | "admission"
  | "maxQueueDelayMs"
  | "gate"
  | "maxQueueRows"
  | "maxQueueBytes"
  | "allowedBatchSizes"
  | "preferredBatchSizes"
  | "preserveOrdering"
>;

/** What holds for a model. */
export function queueSettings(settings: ModelSettings, config: Config): QueueSettings {
  return {
    admission: settings.admission ?? config.admission,
    maxQueueDelayMs: settings.maxQueueDelayMs ?? config.maxQueueDelayMs,
    gate: settings.gate ?? config.gate,
    maxQueueRows: settings.maxQueueRows ?? config.maxQueueRows,
    maxQueueBytes: settings.maxQueueBytes ?? config.maxQueueBytes,
    allowedBatchSizes: settings.allowedBatchSizes,
    preferredBatchSizes: settings.preferredBatchSizes,
    preserveOrdering: settings.preserveOrdering,
  };
}
