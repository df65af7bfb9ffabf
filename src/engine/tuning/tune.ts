// The sweep: loads a model in one choice of sizes after the other, measures each, and picks the one with the best goodput.

import type { Execution, Provider } from "../../config/config.ts";
import type { Clock } from "../../lib/clock.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLogger } from "../../telemetry/logger.ts";
import type { Backend, LoadedModel, LoadOptions } from "../backend.ts";
import { PLAIN_QUEUE } from "../queue-policy.ts";
import type { Sizes } from "./candidates.ts";
import { candidates, powersOfTwo } from "./candidates.ts";
import type { TuneRow } from "./choose-best.ts";
import { chooseBest, rowsOf } from "./choose-best.ts";
import { measure, submit } from "./measure.ts";
import type { Measurement } from "./measurement.ts";
import { quickerOf } from "./measurement.ts";
import { residentBytes } from "./resident-bytes.ts";
import { findRequests } from "./sample-requests.ts";

/** Sizes that are given; undefined: to be found. */
export interface Pins extends Partial<Sizes> {
  readonly maxBatchSize?: number | undefined;
}

/** What a sweep is told. */
export interface TuneOptions {
  /** Time within which callers want their answers, in milliseconds. */
  readonly objectiveMs: number;
  /** Time for all of it, loads included, in milliseconds. The first choice is always measured, at least once. */
  readonly budgetMs: number;
  /** Cores of the machine. */
  readonly cores: number;
  /** Most workers. */
  readonly maxWorkers: number;
  readonly pins: Pins;
  /** Real time by default. */
  readonly clock?: Pick<Clock, "now">;
  /** Ends the sweep between two runs; everything is freed then. */
  readonly signal: AbortSignal;
  /** Told the share that is done, from 0 to 1, and what is tried now. */
  readonly onProgress?: (share: number, trying: Sizes) => void;
}

/** What a sweep found. */
export interface TuneResult {
  /** In the order in which they were measured. */
  readonly rows: readonly TuneRow[];
  /** One of the rows; undefined when nothing is answered within the objective. */
  readonly best: TuneRow | undefined;
  readonly execution: Execution;
  readonly provider: Provider;
  /** Whether requests may share runs, so that the size of a batch means something. */
  readonly batched: boolean;
  /** Whether the size of a batch was looked for, and not given. */
  readonly findsBatchSize: boolean;
  /** Choices that there was no time for. */
  readonly leftOut: readonly Sizes[];
  /** Choices that could not be loaded or failed in a run. */
  readonly failed: readonly Sizes[];
  readonly tookMs: number;
}

/** Share of a choice's time that its runs get even when loading has used all of it. */
const MIN_RUN_SHARE = 0.25;

/** Share of a choice's time for warm-up, which tries every size once. */
const WARMUP_SHARE = 0.25;

/**
 * Sweeps, twice if there is time. Up to `maxBatchSize` of the options rows are tried, else up to their `defaultMaxBatchSize`.
 * Rejects like `Backend.load` when the first choice cannot be loaded, with a ModelError when it fails on every made-up input, and with the
 * signal's reason. Nothing is left behind.
 */
export async function tune(backend: Backend, options: LoadOptions, tuning: TuneOptions): Promise<TuneResult> {
  const { cores, maxWorkers, pins, budgetMs, onProgress, clock = systemClock } = tuning;
  const started = clock.now();
  const endsAt = started + budgetMs;
  const grid = { execution: options.execution, cores, maxWorkers, pins };
  const trials = new Map<Sizes, Trial>();
  const failed: Sizes[] = [];
  const likely = options.providers[0] === "webgpu" ? "webgpu" : "cpu";
  let waiting = [...candidates({ ...grid, provider: likely })];
  let again: Sizes[] = [];
  let [done, longestLoadMs] = [0, 0];
  for (let sizes = waiting.shift(); sizes !== undefined; sizes = waiting.shift() ?? again.shift()) {
    const now = clock.now();
    if (trials.size > 0 && now + longestLoadMs >= endsAt) {
      if (!trials.has(sizes)) waiting.unshift(sizes);
      break;
    }
    const [trying, isFirst] = [sizes, trials.size === 0];
    const before = trials.get(trying);
    // What is tried for the first time will be tried once more.
    const leftCount = before === undefined ? 2 * waiting.length + again.length + 2 : again.length + 1;
    const [share, part, sliceMs] = [done, (1 - done) / leftCount, Math.max(0, endsAt - now) / leftCount];
    const onShare = (ofPart: number): void => onProgress?.(share + ofPart * part, trying);
    onShare(0);
    try {
      const trial = await tryOut(backend, options, tuning, { sizes, sliceMs, onShare });
      longestLoadMs = Math.max(longestLoadMs, trial.loadMs);
      if (isFirst && trial.measurement.provider !== likely) {
        const [, ...others] = candidates({ ...grid, provider: trial.measurement.provider });
        waiting = others;
      }
      trials.set(trying, before === undefined ? trial : { ...trial, measurement: quickerOf(before.measurement, trial.measurement) });
      // The other way round, so that a machine that grows slower is no choice's fault.
      if (before === undefined) again = [trying, ...again];
    } catch (error) {
      if (isFirst || tuning.signal.aborted) throw error;
      if (before === undefined) failed.push(trying);
    }
    done += part;
    onProgress?.(done, trying);
  }
  const [first] = trials.values();
  if (first === undefined) throw new Error("There was nothing to try. This is a bug.");
  const { execution, provider } = first.measurement;
  const { batched } = first;
  const rows: TuneRow[] = [];
  for (const { measurement } of trials.values()) {
    rows.push(...(await rowsOf(measurement, tuning, batched ? pins.maxBatchSize : undefined)));
  }
  const findsBatchSize = batched && pins.maxBatchSize === undefined;
  const best = chooseBest(rows);
  return { rows, best, execution, provider, batched, findsBatchSize, leftOut: waiting, failed, tookMs: clock.now() - started };
}

interface Trial {
  readonly measurement: Measurement;
  readonly loadMs: number;
  readonly batched: boolean;
}

interface TrialOptions {
  readonly sizes: Sizes;
  /** Time for it in milliseconds. */
  readonly sliceMs: number;
  readonly onShare: (share: number) => void;
}

async function tryOut(backend: Backend, options: LoadOptions, tuning: TuneOptions, trial: TrialOptions): Promise<Trial> {
  const { objectiveMs, signal, clock = systemClock } = tuning;
  const { sizes, sliceMs, onShare } = trial;
  const started = clock.now();
  signal.throwIfAborted();
  const model = await backend.load(trialOptions(options, sizes, sliceMs), silentLogger());
  try {
    const loadMs = clock.now() - started;
    const makeRequest = await findRequests(model, options, (request) => submit(model.engine, request));
    const batched = options.sharesRuns && model.splitsRequests && model.maxBatchSize > 1;
    const endsAt = Math.max(started + sliceMs, clock.now() + sliceMs * MIN_RUN_SHARE);
    const times = await measure({
      engine: model.engine,
      instances: model.instances,
      makeRequest,
      sizes: batched ? batchSizes(model, options, makeRequest(1).inputs) : [1],
      objectiveMs,
      endsAt,
      clock,
      signal,
      onProgress: onShare,
    });
    const { instances, intraOpThreads, execution, provider } = model;
    const measurement = { instances, intraOpThreads, execution, provider, sizes: times, memoryBytes: residentBytes() };
    return { measurement, loadMs, batched };
  } finally {
    await model.close();
  }
}

/** As it will be served, but each run takes one request, so that every batch has the size that is asked for. */
function trialOptions(options: LoadOptions, sizes: Sizes, sliceMs: number): LoadOptions {
  return {
    ...options,
    ...sizes,
    sharesRuns: false,
    queue: PLAIN_QUEUE,
    maxQueueDelayMs: 0,
    warmupRuns: 1,
    warmupBudgetMs: Math.min(options.warmupBudgetMs, sliceMs * WARMUP_SHARE),
    onWarming: () => {},
  };
}

function batchSizes(
  { maxBatchSize }: LoadedModel,
  { maxBatchBytes }: LoadOptions,
  row: readonly { bytes: Uint8Array }[],
): readonly number[] {
  const rowBytes = Math.max(
    1,
    row.reduce((sum, { bytes }) => sum + bytes.byteLength, 0),
  );
  return powersOfTwo(Math.max(1, Math.min(maxBatchSize, Math.floor(maxBatchBytes / rowBytes))));
}
