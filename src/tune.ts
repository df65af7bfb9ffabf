// The composition root of `predictd tune`: workers and one model, without a server.

import { availableParallelism, loadavg } from "node:os";
import { basename } from "node:path";
import type { Config } from "./config/config.ts";
import type { LoadOptions } from "./engine/backend.ts";
import { createDevices } from "./engine/onnx/devices.ts";
import { createOnnxBackend, ONNX_BACKEND } from "./engine/onnx/onnx-backend.ts";
import { createWorkerPool } from "./engine/onnx/worker-pool.ts";
import { createScheduler } from "./engine/scheduler/scheduler.ts";
import { largestNamed } from "./engine/tuning/named-sizes.ts";
import type { TuneOptions, TuneResult } from "./engine/tuning/tune.ts";
import { tune } from "./engine/tuning/tune.ts";
import { loadOptions } from "./registry/load-version.ts";
import type { ModelPlan } from "./registry/model-plan.ts";
import { planModel } from "./registry/model-plan.ts";
import type { FoundModel } from "./registry/source.ts";
import { findModel } from "./registry/source.ts";
import { silentLogger } from "./telemetry/logger.ts";

export type { TuneRow } from "./engine/tuning/choose-best.ts";
export { bestOfEach } from "./engine/tuning/choose-best.ts";
export { MOST_REQUESTS_PER_SECOND } from "./engine/tuning/goodput.ts";
export type { TuneResult } from "./engine/tuning/tune.ts";

/** A model that cannot be tuned, in words for whoever asked for it. */
export class TuneError extends Error {
  override readonly name = "TuneError";
}

/** What to tune. */
export interface TuneRequest extends Pick<TuneOptions, "budgetMs" | "signal" | "onProgress"> {
  /** Name of the model in the folder of the configuration. */
  readonly model: string;
  /** Undefined: the highest one. */
  readonly version: string | undefined;
  /** Undefined: the model's own, else the server's. */
  readonly objectiveMs: number | undefined;
  /** Most rows to try; undefined: the larger one of the model's and the server's setting. */
  readonly maxBatchSize: number | undefined;
}

/** Where the sizes of the model can be set. */
export type TunePlace =
  | { readonly kind: "model.yaml"; readonly folder: string; readonly path: string | undefined }
  /** Its config.pbtxt decides. */
  | { readonly kind: "config.pbtxt" }
  /** A bare file has no folder of its own; `name` is that of the file. */
  | { readonly kind: "bare file"; readonly name: string };

/** What was found. */
export interface TunedModel {
  readonly name: string;
  readonly version: string;
  readonly objectiveMs: number;
  readonly cores: number;
  /** Programs that wanted a core in the minute before, on average; 0 where the machine does not tell. */
  readonly loadAverage: number;
  readonly result: TuneResult;
  readonly place: TunePlace;
}

/**
 * Sweeps instances, threads and batch sizes of one model; what its configuration says of them now does not count.
 * Rejects with a TuneError, with a ModelFolderError, and with the signal's reason.
 */
export async function tuneModel(config: Config, request: TuneRequest): Promise<TunedModel> {
  const found = await findModel(config.modelDir, request.model);
  if (found === undefined) throw new TuneError(`The folder of models has no model ${JSON.stringify(request.model)}.`);
  const plan = await planModel(config.modelDir, found);
  const { settings, versions, problem } = plan;
  if (problem !== "") throw new TuneError(problem);
  const version = request.version === undefined ? versions[0] : versions.find((planned) => planned.version === request.version);
  if (version === undefined) {
    throw new TuneError(`The model serves no version ${request.version}; it serves ${versions.map((one) => one.version).join(", ")}.`);
  }
  if (settings.backend !== ONNX_BACKEND) throw new TuneError(`Models of the backend ${JSON.stringify(settings.backend)} cannot be tuned.`);

  const logger = silentLogger();
  const pool = createWorkerPool({ ...config, heapMb: config.workerHeapMb, logger });
  const backend = createOnnxBackend({ pool, devices: createDevices(config), scheduler: createScheduler() });
  const objectiveMs = request.objectiveMs ?? settings.objectiveMs ?? config.objectiveMs;
  const cores = availableParallelism();
  const [loadAverage = 0] = loadavg();
  try {
    const options = loadOptions({ path: version.modelPath, settings }, plan, { config, modelCount: 1 }, () => {});
    const { budgetMs, signal, onProgress, maxBatchSize } = request;
    const named = largestNamed(options);
    if (named !== undefined && maxBatchSize !== undefined) {
      throw new TuneError(`The model's configuration names batch sizes up to ${named} rows; --max-batch-size cannot be given beside them.`);
    }
    const pins = { maxBatchSize: named };
    const tuning = { objectiveMs, budgetMs, cores, maxWorkers: config.maxWorkers, pins, signal, onProgress };
    const result = await tune(backend, named === undefined ? withLimit(options, plan, maxBatchSize) : options, tuning);
    return { loadAverage, name: found.name, version: version.version, objectiveMs, cores, result, place: placeOf(found) };
  } catch (error) {
    if (request.signal.aborted || error instanceof TuneError) throw error;
    throw new TuneError(backend.explainFailure(error), { cause: error });
  } finally {
    await pool.close();
  }
}

/** A limit in config.pbtxt belongs to the model; one in model.yaml may be what was found on another machine. */
function withLimit(options: LoadOptions, { settings }: ModelPlan, asked: number | undefined): LoadOptions {
  const { maxBatchSize: declared, defaultMaxBatchSize } = options;
  if (declared === 0) return options;
  if (declared === undefined) return { ...options, defaultMaxBatchSize: asked ?? defaultMaxBatchSize };
  const most = settings.source === "model.yaml" ? Math.max(declared, defaultMaxBatchSize) : declared;
  return { ...options, maxBatchSize: asked ?? most };
}

function placeOf({ folder, manifestPath, configPath, versions }: FoundModel): TunePlace {
  if (configPath !== undefined) return { kind: "config.pbtxt" };
  return folder === undefined
    ? { kind: "bare file", name: basename(versions[0]?.modelPath ?? "") }
    : { kind: "model.yaml", folder, path: manifestPath };
}
