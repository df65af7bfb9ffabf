// `predictd tune`: which instances, threads and largest batch suit a model on this machine.

import { join, relative } from "node:path";
import { loadConfig } from "../config/load-config.ts";
import type { TunedModel } from "../tune.ts";
import { TuneError, tuneModel } from "../tune.ts";
import { ADDRESS_ENV } from "./address.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";
import { createTuneProgress } from "./tune/progress.ts";
import { renderTuned } from "./tune/render.ts";
import { sayIn, sizesOf } from "./tune/sizes.ts";
import { writeManifest } from "./tune/write-manifest.ts";
import { UsageError } from "./usage-error.ts";

/** Flags of `tune`. */
export interface TuneFlags {
  readonly models?: string;
  readonly config?: string;
  readonly version?: string;
  readonly objectiveMs?: number;
  readonly seconds: number;
  readonly maxBatchSize?: number;
  readonly write: boolean;
  readonly json: boolean;
}

/**
 * Runs the command.
 * @returns the exit code: 1 when nothing is answered within the objective, or when something should be written and was not.
 * @throws ConfigError or UsageError for settings or a folder that cannot be used; CommandError for a model that cannot be tuned.
 */
export async function tune(model: string, flags: TuneFlags, terminal: Terminal): Promise<number> {
  const { cwd, env, signal, stdout, stderr } = terminal;
  const { [ADDRESS_ENV]: _address, ...serverEnv } = env;
  const config = loadConfig({ flags: { modelDir: flags.models }, env: serverEnv, cwd, configFile: flags.config });
  const tuned = await sweep(model, flags, config, terminal);
  const sizes = sizesOf(tuned.result);
  const { place } = tuned;
  const canWrite = sizes !== undefined && place.kind === "model.yaml";
  const path = place.kind === "model.yaml" ? (place.path ?? join(place.folder, "model.yaml")) : undefined;
  if (flags.write && canWrite) await writeManifest(path!, sizes);
  const written = flags.write && canWrite ? relative(cwd, path!) : undefined;
  if (flags.json) stdout.write(`${JSON.stringify(toJson(tuned, written))}\n`);
  else stdout.write(renderTuned(tuned, written, terminal));
  signal.throwIfAborted();
  if (flags.write && !canWrite && sizes !== undefined) {
    stderr.write(`error: nothing was written: ${whyNotWritten(tuned)}\n`);
    return EXIT.failed;
  }
  return sizes === undefined ? EXIT.failed : EXIT.ok;
}

async function sweep(
  model: string,
  { version, objectiveMs, seconds, maxBatchSize }: TuneFlags,
  config: ReturnType<typeof loadConfig>,
  { signal, stderr }: Terminal,
): Promise<TunedModel> {
  const progress = createTuneProgress(stderr);
  try {
    const budgetMs = seconds * 1000;
    return await tuneModel(config, { model, version, objectiveMs, maxBatchSize, budgetMs, signal, onProgress: progress.update });
  } catch (error) {
    if (error instanceof TuneError) throw new CommandError(`Model ${JSON.stringify(model)} cannot be tuned: ${error.message}`);
    if (error instanceof Error && error.name === "ModelFolderError") throw new UsageError(`${error.message}.`);
    throw error;
  } finally {
    progress.stop();
  }
}

function whyNotWritten({ place }: TunedModel): string {
  if (place.kind === "bare file") return `${place.name} has no folder of its own for a model.yaml`;
  return "the model's config.pbtxt says what acts; set the lines above there";
}

function toJson(tuned: TunedModel, written: string | undefined): object {
  const { result, place, ...about } = tuned;
  return { ...about, ...result, best: result.best ?? null, set: sayIn(place.kind, result), written: written ?? null };
}
