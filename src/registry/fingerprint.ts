// Whether a version is still what was loaded: its configuration and the state of every file that it may read.

import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { WARMUP_FOLDER } from "./model-files.ts";
import type { ModelSettings } from "./model-settings.ts";
import type { FoundModel, FoundVersion } from "./source.ts";

/** Most entries of a version's folder that are looked at, with those of the folders in it. */
const MAX_ENTRIES = 10_000;

/** What a fingerprint is made of. */
export interface Fingerprinted {
  readonly version: FoundVersion;
  readonly model: Pick<FoundModel, "folder">;
  readonly settings: Pick<ModelSettings, "labelFiles" | "warmupPlans">;
  /** Everything that the settings were made from. */
  readonly texts: readonly string[];
}

/** Changes with the configuration and with every change of a file, links followed. @throws when the model file is not there. */
export async function fingerprintOf({ version: { modelPath }, model: { folder }, settings, texts }: Fingerprinted): Promise<string> {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(text).update("\0");
  hash.update(stateOf(modelPath, await stat(modelPath, { bigint: true })));
  const own = dirname(modelPath);
  // Data beside a bare file may have any name; other models beside it are none of its concern.
  const beside = folder === undefined ? (await filesOf(own)).filter((path) => !path.endsWith(".onnx")) : await filesOf(folder);
  const inside = folder === undefined ? [] : await filesBelow(own);
  const named = folder === undefined ? [] : namedFiles(folder, settings);
  for (const path of [...beside, ...inside, ...named]) {
    const stats = await statOf(path);
    if (stats !== undefined) hash.update(stateOf(path, stats));
  }
  return hash.digest("hex");
}

/** The time of the last change of any kind is there for files that are written over in place with their old size and time. */
function stateOf(path: string, { size, mtimeNs, ctimeNs, ino }: BigIntStats): string {
  return `${path}\0${size} ${mtimeNs} ${ctimeNs} ${ino}\0`;
}

function namedFiles(folder: string, { labelFiles, warmupPlans }: Fingerprinted["settings"]): readonly string[] {
  const data = warmupPlans.flatMap(({ inputs }) => inputs.flatMap(({ source }) => (source.kind === "file" ? [source.fileName] : [])));
  return [...[...labelFiles.values()].map((name) => join(folder, name)), ...data.map((name) => join(folder, WARMUP_FOLDER, name))];
}

/** The files of a folder, not of those in it. */
async function filesOf(folder: string): Promise<readonly string[]> {
  const entries = await Promise.all((await namesOf(folder)).map((path) => withStats(path)));
  return entries.flatMap(({ path, stats }) => (stats?.isFile() === true ? [path] : []));
}

/** The files of a folder and of those in it; each folder once, as links may lead in circles. */
async function filesBelow(top: string): Promise<readonly string[]> {
  const files: string[] = [];
  const seen = new Set<string>();
  const folders = [top];
  let entries = 0;
  for (let folder = folders.pop(); folder !== undefined && entries < MAX_ENTRIES; folder = folders.pop()) {
    for (const path of await namesOf(folder)) {
      entries++;
      const stats = await statOf(path);
      if (stats?.isFile() === true) files.push(path);
      const key = stats?.isDirectory() === true ? `${stats.dev} ${stats.ino}` : undefined;
      if (key === undefined || seen.has(key)) continue;
      seen.add(key);
      folders.push(path);
    }
  }
  return files;
}

async function withStats(path: string): Promise<{ readonly path: string; readonly stats: BigIntStats | undefined }> {
  return { path, stats: await statOf(path) };
}

/** In a fixed order; none of a folder that cannot be read. */
async function namesOf(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).toSorted().map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function statOf(path: string): Promise<BigIntStats | undefined> {
  return stat(path, { bigint: true }).catch(() => undefined);
}
