// Short ways from the text of a configuration to what becomes of it.

import type { ModelSettings } from "../../../src/registry/model-settings.ts";
import type { FindingLevel } from "../../../src/registry/triton/findings.ts";
import type { MappedConfig } from "../../../src/registry/triton/map-config.ts";
import { mapConfig } from "../../../src/registry/triton/map-config.ts";
import { parseConfigText } from "../../../src/registry/triton/parse-config.ts";

/** The mapping of a config.pbtxt in a folder named `m`. */
export function mapText(text: string): MappedConfig {
  return mapConfig("m", parseConfigText(text));
}

/** Settings of a config.pbtxt that must not be refused. */
export function settingsOf(text: string): ModelSettings {
  const { settings, findings } = mapText(text);
  const refusals = findings.filter(({ level }) => level === "refusal");
  if (refusals.length > 0) throw new Error(`Refused: ${JSON.stringify(refusals)}`);
  return settings;
}

/** `<field> <text>` of every finding of a level. */
export function findingsOf(level: FindingLevel, text: string): readonly string[] {
  return mapText(text)
    .findings.filter((finding) => finding.level === level)
    .map((finding) => `${finding.field} ${finding.text}`);
}
