// A Triton configuration as the settings of a model, and what becomes of each of its fields.

import { quote } from "../../config/show.ts";
import type { ModelSettings } from "../model-settings.ts";
import { DEFAULT_MODEL_SETTINGS } from "../model-settings.ts";
import type { Finding, Findings } from "./findings.ts";
import { createFindings } from "./findings.ts";
import { mapBatching } from "./map-batching.ts";
import { mapInstanceGroups } from "./map-instance-groups.ts";
import { mapKind } from "./map-kind.ts";
import { mapModelFile } from "./map-model-file.ts";
import { mapOptimization } from "./map-optimization.ts";
import { mapParameters } from "./map-parameters.ts";
import { mapTensors } from "./map-tensors.ts";
import { mapVersions } from "./map-versions.ts";
import { mapWarmup } from "./map-warmup.ts";
import type { GivenConfig } from "./parse-config.ts";
import { reportLeftOut } from "./report-left-out.ts";

/** A configuration as predictd understands it. */
export interface MappedConfig {
  /** Good to serve with unless a finding refuses. */
  readonly settings: ModelSettings;
  /** One or more for every field that was given. */
  readonly findings: readonly Finding[];
}

/**
 * Maps a configuration; reads no file.
 * @param name the folder's name, which is the model's.
 */
export function mapConfig(name: string, given: GivenConfig): MappedConfig {
  const { source, config } = given;
  const findings = createFindings();
  mapName(name, config.name, findings);
  const kind = mapKind(config, findings);
  const modelFile = mapModelFile(config, findings);
  const versions = mapVersions(config.versionPolicy, findings);
  const batching = mapBatching(given, findings);
  const settings: ModelSettings = {
    ...DEFAULT_MODEL_SETTINGS,
    source,
    config,
    ...kind,
    modelFile,
    versions,
    ...batching,
    ...mapTensors(config, batching.maxBatchSize, findings),
    ...mapInstanceGroups(config.instanceGroup, findings),
    graphOptimization: mapOptimization(config.optimization, findings),
    ...mapParameters(config.parameters, findings),
    warmupPlans: mapWarmup(config.modelWarmup, batching.maxBatchSize, findings),
  };
  reportLeftOut(config, findings);
  return { settings, findings: findings.all() };
}

function mapName(folder: string, name: string, findings: Findings): void {
  if (name === "") return;
  if (name === folder) findings.mapped(["name"], "is the folder's name");
  else findings.refuse(["name"], `must be the folder's name, ${quote(folder)}, got ${quote(name)}`);
}
