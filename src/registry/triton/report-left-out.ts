// Fields of a Triton configuration that nothing in predictd corresponds to, and that a model does without.

import type { ModelConfig } from "../../../generated/inference/model_config.ts";
import type { Findings } from "./findings.ts";

/** Warns of each that is given. */
export function reportLeftOut(config: ModelConfig, findings: Findings): void {
  if (config.responseCache?.enable === true) findings.warn(["response_cache", "enable"], "is left out: every request is run");
  if (config.runtime !== "") findings.warn(["runtime"], "is left out: the runtime is the one that predictd brings");
  if (Object.keys(config.metricTags).length > 0) findings.warn(["metric_tags"], "is left out: metrics carry model and version only");
  if (config.modelMetrics !== undefined) findings.warn(["model_metrics"], "is left out: all models have the same histograms");
}
