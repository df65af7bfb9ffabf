// A folder of models made for one test file.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A folder that can be removed. */
export interface ModelFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/** Writes files by their path inside the folder, e.g. `{"a/1/model.onnx": bytes, "b.onnx": bytes}`. */
export async function createModelFolder(files: Readonly<Record<string, Uint8Array | string>>): Promise<ModelFolder> {
  const path = await mkdtemp(join(tmpdir(), "predictd-models-"));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), content);
  }
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
