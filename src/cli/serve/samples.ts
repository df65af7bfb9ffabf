// Example inputs that lie beside models, for the line that says what to try.

import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import type { ModelView } from "../../registry/view.ts";

/** Paths of example files by the name of the model, as one would type them. */
export interface Samples {
  readonly images: ReadonlyMap<string, string>;
  readonly tables: ReadonlyMap<string, string>;
}

/** Looks for the first PNG and the first CSV in each model's folder; a folder that cannot be read has none. */
export async function findSamples(modelDir: string, models: readonly ModelView[], cwd: string): Promise<Samples> {
  const [images, tables] = [new Map<string, string>(), new Map<string, string>()];
  for (const { name } of models) {
    const files = await readdir(join(modelDir, name)).catch(() => []);
    for (const [extension, found] of [[".png", images] as const, [".csv", tables] as const]) {
      const [file] = files.filter((candidate) => candidate.endsWith(extension)).toSorted((a, b) => a.localeCompare(b));
      if (file !== undefined) found.set(name, relative(cwd, join(modelDir, name, file)));
    }
  }
  return { images, tables };
}
