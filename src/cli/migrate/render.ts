// What becomes of the models of a Triton repository, for people: one block a model.

import type { FindingLevel } from "../../registry/triton/findings.ts";
import type { ModelSettings } from "../../registry/model-settings.ts";
import { renderTable } from "../output/table.ts";
import type { Terminal } from "../terminal.ts";
import { manifestText } from "./manifest-text.ts";
import type { MigratedModel } from "./read-repository.ts";

const HEADINGS: readonly (readonly [FindingLevel, string])[] = [
  ["mapped", "acts"],
  ["warning", "warning"],
  ["refusal", "refused"],
];

/** Ends with a line that counts the models. */
export function renderMigration(models: readonly MigratedModel[], terminal: Terminal): string {
  if (models.length === 0) return "The folder holds no models.\n";
  const names = models.filter(({ isServable }) => !isServable).map(({ name }) => name);
  const counted = models.length === 1 ? "1 model" : `${models.length} models`;
  const good = `nothing in ${models.length === 1 ? "its" : "their"} configuration is in the way`;
  const found = names.length === 0 ? good : `${names.length} of which cannot be served: ${names.join(", ")}`;
  const verdict = `${counted}, ${found}; model files were not opened`;
  return printable([...models.map((model) => renderModel(model, terminal)), `${verdict}\n`].join("\n"));
}

function renderModel(model: MigratedModel, { stdout, env }: Terminal): string {
  const { name, isServable, versions, problem, config, findings, warnings, settings } = model;
  const verdict = isServable ? `nothing is in the way of version ${versions.join(", ")}` : "cannot be served";
  const lines = [`${name}: ${verdict}`];
  if (problem !== "") lines.push(`  ${problem}`);
  for (const warning of warnings) lines.push(`  ${warning}`);
  if (config === undefined && isServable) lines.push("  No config.pbtxt: nothing to map");
  const rows = HEADINGS.flatMap(([level, heading]) =>
    findings.filter((finding) => finding.level === level).map(({ field, text }) => [heading, field, text]),
  );
  if (rows.length > 0) lines.push("", indent(renderTable(["", "config.pbtxt", ""], rows, stdout, env)));
  if (config !== undefined && settings !== undefined) lines.push("", ...renderManifest(settings));
  return `${lines.join("\n")}\n`;
}

function renderManifest(settings: ModelSettings): readonly string[] {
  const { text, unsaid } = manifestText(settings);
  const said = text === "" ? [] : ["  model.yaml that says the same, as far as it has words:", "", indent(indent(text.trimEnd()))];
  if (unsaid.length > 0) return [...said, ...(text === "" ? [] : [""]), `  Only config.pbtxt can say: ${unsaid.join("; ")}`];
  return text === "" ? ["  Without config.pbtxt it would be served in the same way"] : said;
}

/** What a terminal would act on is escaped; in a YAML text that stands in quotes where the escape means the same. */
function printable(text: string): string {
  return text.replace(/[^\n\P{Cc}]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
