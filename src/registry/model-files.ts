// Reads the files beside a model that its configuration names; none may lie outside of the model's folder.

import { readFile, realpath, stat } from "node:fs/promises";
import { basename, join, sep } from "node:path";
import type { WarmupContent, WarmupSample } from "../engine/backend.ts";
import type { ModelSettings, WarmupPlan, WarmupSource } from "./model-settings.ts";

/** Largest file of class names or of warm-up data. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** Largest text of a configuration; counted in characters it must be smaller still. */
const MAX_TEXT_BYTES = 4_194_304;

/** Most class names of one output, and the longest one: answers repeat them. */
const MAX_LABELS = 1_000_000;
const MAX_LABEL_CHARS = 1024;

const LINE_FEED = 10;

/** Folder of warm-up data within a model's folder. */
export const WARMUP_FOLDER = "warmup";

/** A file that a configuration names and that cannot be used; the message holds no path but the one that was named. */
export class ModelFileError extends Error {
  override readonly name = "ModelFileError";
}

/** Reads a model.yaml or config.pbtxt. @throws ModelFileError for one that is larger than any of them may be. */
export async function readText(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > MAX_TEXT_BYTES) throw new ModelFileError(`${basename(path)} must have at most ${MAX_TEXT_BYTES} bytes, got ${size}`);
  return readFile(path, "utf8");
}

/** Reads a file that must lie in the folder, links followed. @throws ModelFileError. */
async function readWithin(folder: string, name: string): Promise<Buffer> {
  let inside: boolean;
  let bytes: number;
  try {
    const [top, target] = [await realpath(folder), await realpath(join(folder, name))];
    inside = target.startsWith(top + sep);
    const stats = await stat(target);
    bytes = stats.isFile() ? stats.size : -1;
  } catch (error) {
    throw new ModelFileError(`the file ${JSON.stringify(name)} cannot be read (${codeOf(error)})`);
  }
  if (!inside) throw new ModelFileError(`the file ${JSON.stringify(name)} is not in the model's folder`);
  if (bytes < 0) throw new ModelFileError(`${JSON.stringify(name)} is not a file`);
  if (bytes > MAX_FILE_BYTES) throw new ModelFileError(`the file ${JSON.stringify(name)} is larger than ${MAX_FILE_BYTES} bytes`);
  return readFile(join(folder, name));
}

/** The class names of each output that has a file of them, one a line. @throws ModelFileError. */
export async function readLabels(folder: string, { labelFiles }: ModelSettings): Promise<ReadonlyMap<string, readonly string[]>> {
  const labels = new Map<string, readonly string[]>();
  for (const [output, name] of labelFiles) {
    labels.set(output, linesOf(await readWithin(folder, name), name));
  }
  return labels;
}

function linesOf(content: Buffer, name: string): readonly string[] {
  let count = 1;
  for (let at = content.indexOf(LINE_FEED); at !== -1; at = content.indexOf(LINE_FEED, at + 1)) count++;
  // What an empty line costs in memory is many times what it costs in the file.
  if (count > MAX_LABELS) throw new ModelFileError(`the file ${JSON.stringify(name)} has more than ${MAX_LABELS} lines`);
  const lines = content
    .toString("utf8")
    .replace(/\r?\n$/, "")
    .split(/\r?\n/);
  const long = lines.findIndex((line) => line.length > MAX_LABEL_CHARS);
  if (long === -1) return lines;
  throw new ModelFileError(`line ${long + 1} of the file ${JSON.stringify(name)} has more than ${MAX_LABEL_CHARS} characters`);
}

/** The warm-up requests with the content of their files. @throws ModelFileError. */
export function readWarmupSamples(folder: string, { warmupPlans }: ModelSettings): Promise<readonly WarmupSample[]> {
  return Promise.all(warmupPlans.map((plan) => readSample(folder, plan)));
}

async function readSample(folder: string, { name, rows, count, inputs }: WarmupPlan): Promise<WarmupSample> {
  const filled = await Promise.all(
    inputs.map(async (input) => ({
      name: input.name,
      dtype: input.dtype,
      shape: input.dims,
      content: await contentOf(folder, input.source),
    })),
  );
  return { name, rows, count, inputs: filled };
}

async function contentOf(folder: string, source: WarmupSource): Promise<WarmupContent> {
  if (source.kind !== "file") return source;
  return { kind: "bytes", bytes: await readWithin(join(folder, WARMUP_FOLDER), source.fileName) };
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "unknown error";
}
