// `predictd migrate`: what of a Triton model repository acts here and what does not, without loading a model.

import { resolve } from "node:path";
import { configToJson } from "../registry/triton/config-json.ts";
import { EXIT } from "./exit-codes.ts";
import { manifestText } from "./migrate/manifest-text.ts";
import type { MigratedModel } from "./migrate/read-repository.ts";
import { readRepository } from "./migrate/read-repository.ts";
import { renderMigration } from "./migrate/render.ts";
import type { Terminal } from "./terminal.ts";

/** Flags of `migrate`. */
export interface MigrateFlags {
  readonly json: boolean;
}

/**
 * Runs the command.
 * @returns the exit code: 0 when every model can be served.
 * @throws UsageError for a folder that cannot be read.
 */
export async function migrate(folder: string, flags: MigrateFlags, terminal: Terminal): Promise<number> {
  const models = await readRepository(resolve(terminal.cwd, folder));
  terminal.stdout.write(flags.json ? `${JSON.stringify(models.map(toJson))}\n` : renderMigration(models, terminal));
  return models.every(({ isServable }) => isServable) ? EXIT.ok : EXIT.failed;
}

function toJson({ settings, config, ...model }: MigratedModel): object {
  const manifest = settings === undefined || config === undefined ? undefined : manifestText(settings);
  return { ...model, modelYaml: manifest?.text, modelYamlCannotSay: manifest?.unsaid, config: config && configToJson(config) };
}
