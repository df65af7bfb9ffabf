// `tune: auto`: finds a version's sizes by a sweep before it is loaded.

import { availableParallelism } from "node:os";
import type { Config } from "../config/config.ts";
import type { Backend, LoadOptions } from "../engine/backend.ts";
import { ModelError } from "../engine/backend.ts";
import { largestNamed } from "../engine/tuning/named-sizes.ts";
import { tune } from "../engine/tuning/tune.ts";
import type { Pins, TuneResult } from "../engine/tuning/tune.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { LoadTurns } from "./load-turns.ts";
import type { ModelSettings } from "./model-settings.ts";

/** What tuning needs besides the version's own options. */
export interface TuneContext {
  readonly config: Config;
  readonly logger: Logger;
  /** Whose turn it is. */
  readonly turns: LoadTurns;
  /** Ends a sweep: the server goes away. */
  readonly closing: AbortSignal;
}

/** Options to load with, and what to say about the size of batches; undefined when it was not found by a sweep. */
export interface Tuned {
  readonly options: LoadOptions;
  readonly batchingSource: string | undefined;
}

/**
 * Sweeps where the settings ask for it and leave something open. A sweep that fails or finds nothing leaves the options as they are and a
 * warning in the log. Rejects with a ModelError when the server goes away.
 */
export async function tuneVersion(backend: Backend, options: LoadOptions, settings: ModelSettings, context: TuneContext): Promise<Tuned> {
  const { config, logger, turns, closing } = context;
  const asGiven = { options, batchingSource: undefined };
  const pins = pinsOf(options, config.maxWorkers);
  const isOff = (settings.tune ?? config.tune) === "off" || settings.decoupled;
  if (isOff || Object.values(pins).every((pin) => pin !== undefined)) return asGiven;
  const objectiveMs = settings.objectiveMs ?? config.objectiveMs;
  const budgetMs = settings.tuneBudgetMs ?? config.tuneBudgetMs;
  let result: TuneResult;
  try {
    const sizes = { cores: availableParallelism(), maxWorkers: config.maxWorkers };
    result = await turns.sweep(() => tune(backend, options, { objectiveMs, budgetMs, pins, signal: closing, ...sizes }));
  } catch (error) {
    if (closing.aborted) throw new ModelError("The server is going away; nothing is loaded any more.");
    logger.warn({ err: error }, "tuning failed; the defaults hold");
    return asGiven;
  }
  const { best, findsBatchSize, rows, leftOut, tookMs } = result;
  if (best === undefined) {
    logger.warn({ objectiveMs }, "tuning found nothing that answers within the objective; the defaults hold");
    return asGiven;
  }
  const { instances, intraOpThreads, maxBatchSize, goodputPerSecond } = best;
  logger.info(
    {
      instances,
      intraOpThreads,
      ...(findsBatchSize ? { maxBatchSize } : {}),
      objectiveMs,
      goodputPerSecond: Math.round(goodputPerSecond),
      measured: rows.length,
      leftOut: leftOut.length,
      tuneMs: Math.round(tookMs),
    },
    "tuned: these sizes answer the highest rate of requests within the objective",
  );
  return {
    // As a default, so that whether rows may share a run is still found out and not taken for granted.
    options: { ...options, instances, intraOpThreads, ...(findsBatchSize ? { defaultMaxBatchSize: maxBatchSize } : {}) },
    batchingSource: findsBatchSize ? `tuned for answers within ${objectiveMs} ms` : undefined,
  };
}

/** What the configuration says holds. With more models than workers each has one thread, as it has without a sweep. */
function pinsOf(options: LoadOptions, maxWorkers: number): Pins {
  const given = options.modelCount > maxWorkers ? 1 : undefined;
  return { instances: options.instances || given, intraOpThreads: options.intraOpThreads || given, maxBatchSize: pinnedBatchSize(options) };
}

function pinnedBatchSize(options: LoadOptions): number | undefined {
  return options.maxBatchSize ?? (options.sharesRuns ? largestNamed(options) : 0);
}
