// Loads one ONNX file: sessions on workers, signature, batching, warm-up, and the engine over all of it.

import { availableParallelism } from "node:os";
import type { Provider } from "../../config/config.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { LoadedModel, LoadOptions } from "../backend.ts";
import { ModelError } from "../backend.ts";
import type { PaddingPlan } from "../../tensor/padding.ts";
import type { Signature } from "../../tensor/signature.ts";
import { LatencyModel } from "../scheduler/latency-model.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import { declaredSignature } from "./declared-signature.ts";
import { checkInline } from "./inline-limit.ts";
import { assertPreferred, freeRows, largestAllowed, sortSizes } from "./batch-sizes.ts";
import { createOnnxInstance } from "./onnx-instance.ts";
import { padWhereProven, planPadding } from "./plan-padding.ts";
import type { SessionInfo } from "./protocol.ts";
import { explainProviderFailure, whyUnavailable } from "./providers.ts";
import { inferSignature, whyNotBatchable } from "./signature.ts";
import { warmUp } from "./warm-up.ts";
import type { WorkerPool } from "./worker-pool.ts";
import type { WorkerLane } from "./worker-lane.ts";

/** Threads one run uses at most when nothing is configured. */
const MAX_DEFAULT_THREADS = 4;

let nextSession = 0;

/** Loads a file. Rejects with ModelError or the runtime's own error; nothing is left behind then. */
export async function loadOnnxModel(options: LoadOptions, pool: WorkerPool, scheduler: Scheduler, logger: Logger): Promise<LoadedModel> {
  const sizes = defaultSizes(options, pool.size);
  const sessions = await createSessions(options, sizes, pool);
  const release = async (): Promise<void> => {
    await Promise.allSettled(sessions.workers.map((worker) => worker.release(sessions.key)));
  };
  try {
    const allowed = sortSizes(options.allowedBatchSizes);
    const inFile = inferSignature(sessions.info, options.inputNotes, options.outputNotes);
    const inferred = allowed.length === 0 ? inFile : { ...inFile, signature: freeRows(inFile.signature, allowed) };
    const candidate = decideBatching(options, inferred.signature, allowed);
    const { signature, runtimeOutputs, reshapes, warnings } = declaredSignature(inferred, options, candidate.maxBatchSize > 0);
    assertPreferred(options.preferredBatchSizes, candidate.maxBatchSize);
    options.onWarming(signature);
    if (allowed.length > 0 && options.padding !== undefined) {
      throw new ModelError(
        "The configuration allows batches of certain sizes only, so that requests of different lengths cannot share them.",
      );
    }
    const isGiven = options.maxBatchSize !== undefined || allowed.length > 0;
    const plan = options.padding && planPadding(options.padding, signature, reshapes);
    const instancesOf = (batched: boolean, padding: PaddingPlan | undefined) =>
      sessions.workers.map((worker) =>
        createOnnxInstance({ worker, session: sessions.key, signature, runtimeOutputs, reshapes, batched, padding }),
      );
    const latency = new LatencyModel();
    const warmed = await warmUp({
      signature,
      instances: instancesOf(candidate.maxBatchSize > 0, plan),
      maxBatchSize: candidate.maxBatchSize,
      maxBatchBytes: options.maxBatchBytes,
      allowed,
      runs: options.warmupRuns,
      budgetMs: options.warmupBudgetMs,
      dims: options.warmupDims,
      samples: options.warmupSamples,
      keepsRows: isGiven,
      padding: plan,
      latency,
    });
    const { whyNotBatched } = warmed;
    if (whyNotBatched !== undefined && allowed.length > 0) {
      throw new ModelError(`The configuration allows batches of certain sizes only, which cannot be filled up: ${whyNotBatched}.`);
    }
    if (whyNotBatched !== undefined) logger.warn({ reason: whyNotBatched }, "batching is off for this model");
    // Whoever says how many rows a run takes knows that there are rows, but they must stay together.
    const maxBatchSize = whyNotBatched === undefined || isGiven ? candidate.maxBatchSize : 0;
    const batched = maxBatchSize > 0 && whyNotBatched === undefined;
    const padded = padWhereProven(plan, options.sharesRuns ? warmed.padding : { whyNot: "requests do not share runs" });
    if (padded.whyNot !== undefined) logger.warn({ reason: padded.whyNot }, "padding is off for this model");
    const slow = options.execution === "inline" ? checkInline(warmed.singleRunMs, latency.rows()) : undefined;
    const engine = scheduler.createEngine({
      maxBatchSize: Math.max(1, maxBatchSize),
      batched,
      sharesRuns: options.sharesRuns && batched,
      allowedBatchSizes: allowed,
      preferredBatchSizes: batched ? sortSizes(options.preferredBatchSizes) : [],
      preserveOrdering: options.preserveOrdering,
      padding: padded.queue,
      queue: options.queue,
      compat: options.compat,
      admission: options.admission,
      maxQueueDelayMs: options.maxQueueDelayMs,
      gate: options.gate,
      maxQueueRows: options.maxQueueRows,
      maxQueueBytes: options.maxQueueBytes,
      maxBatchBytes: options.maxBatchBytes,
      outputNames: signature.outputs.map(({ name }) => name),
      instances: instancesOf(batched, padded.plan),
      latency,
      onRunFailure: (failure, rows) => logger.warn({ err: failure, rows }, "run failed"),
    });
    return {
      engine,
      signature,
      textOnly: true,
      maxBatchSize,
      sharesRuns: options.sharesRuns && batched && maxBatchSize > 1,
      padding: padded.plan,
      splitsRequests: batched && options.compat !== "triton",
      batchingSource: `${whyNotBatched === undefined ? candidate.source : `off: ${whyNotBatched}`}${padded.note}`,
      execution: options.execution,
      instances: sessions.workers.length,
      intraOpThreads: sizes.intraOpThreads,
      provider: sessions.provider,
      providerNotes: sessions.notes,
      warnings: [
        ...warnings,
        ...[warmed.warning, slow].filter((warning) => warning !== undefined),
        ...(whyNotBatched === undefined || !isGiven || maxBatchSize <= 1
          ? []
          : [`Requests are neither joined nor split: ${whyNotBatched}.`]),
        ...(padded.whyNot === undefined ? [] : [`Only requests of equal length share runs: ${padded.whyNot}.`]),
        ...whyFewerInstances(options, sessions.workers.length),
      ],
      warmup: latency.rows(),
      async close() {
        await engine.close();
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/**
 * One core is left to the event loop; the rest is shared out as instances of a few threads each. Every session has a thread pool of its
 * own, so a folder of many models gets one thread and one session for each.
 */
function defaultSizes(options: LoadOptions, maxWorkers: number): { readonly instances: number; readonly intraOpThreads: number } {
  // Runs that are short enough for the main thread gain nothing from more threads, and there is only one main thread.
  if (options.execution === "inline") return { intraOpThreads: options.intraOpThreads || 1, instances: 1 };
  const cores = Math.max(1, availableParallelism() - 1);
  const intraOpThreads = options.intraOpThreads || (options.modelCount > maxWorkers ? 1 : Math.min(MAX_DEFAULT_THREADS, cores));
  const instances = options.instances || (options.modelCount > maxWorkers ? 1 : Math.max(1, Math.floor(cores / intraOpThreads)));
  return { intraOpThreads, instances: Math.min(instances, maxWorkers) };
}

function whyFewerInstances({ instances }: LoadOptions, placed: number): readonly string[] {
  return instances > placed ? [`${instances} instances are asked for, ${placed} run: a worker holds one each (setting maxWorkers).`] : [];
}

interface Sessions {
  readonly key: number;
  readonly workers: readonly WorkerLane[];
  readonly info: SessionInfo;
  readonly provider: Provider;
  readonly notes: readonly string[];
}

/** Tries the providers in order. */
async function createSessions(
  options: LoadOptions,
  { instances, intraOpThreads }: { readonly instances: number; readonly intraOpThreads: number },
  pool: WorkerPool,
): Promise<Sessions> {
  const notes: string[] = [];
  const spec = {
    path: options.modelPath,
    intraOpThreads,
    interOpThreads: options.interOpThreads,
    parallelExecution: options.parallelExecution,
    graphOptimization: options.graphOptimization,
  };
  let failure: unknown = new ModelError("No execution provider is configured.");
  for (const provider of options.providers) {
    const why = whyUnavailable(provider, options.execution);
    if (why !== undefined) {
      notes.push(`${provider}: ${why}`);
      failure = new ModelError(`No execution provider of the list can be used: ${notes.join("; ")}.`);
      continue;
    }
    const key = nextSession++;
    const workers = pool.place(instances, provider, options.execution);
    const created = await Promise.allSettled(workers.map((worker) => worker.create(key, { ...spec, provider })));
    const failed = created.find((result) => result.status === "rejected");
    const [first] = created;
    if (failed === undefined && first?.status === "fulfilled") return { key, workers, info: first.value, provider, notes };
    await Promise.allSettled(workers.map((worker) => worker.release(key)));
    failure = failed?.reason;
    notes.push(`${provider}: ${explainProviderFailure(failure)}`);
  }
  throw failure;
}

function decideBatching(
  options: LoadOptions,
  signature: Signature,
  allowed: readonly number[],
): { readonly maxBatchSize: number; readonly source: string } {
  if (allowed.length > 0) return decideBatching({ ...options, maxBatchSize: largestAllowed(allowed, options.maxBatchSize) }, signature, []);
  const why = whyNotBatchable(signature);
  if (options.maxBatchSize === 0) return { maxBatchSize: 0, source: "the model's configuration" };
  if (options.maxBatchSize !== undefined) {
    const fixed = [...signature.inputs, ...signature.outputs].find(({ dims }) => dims[0]?.size !== -1);
    if (fixed !== undefined) {
      const size = fixed.dims[0]?.size ?? 0;
      const advice = size > 0 ? ` A file made for ${size} rows is served with allowedBatchSizes: [${size}] in model.yaml.` : "";
      throw new ModelError(
        `The configuration sets a batch size of ${options.maxBatchSize}, but ${JSON.stringify(fixed.name)} has no free first dimension.${advice}`,
      );
    }
    return { maxBatchSize: options.maxBatchSize, source: "the model's configuration" };
  }
  if (why !== undefined) return { maxBatchSize: 0, source: `off: ${why}` };
  return { maxBatchSize: options.defaultMaxBatchSize, source: "inferred from the model file" };
}
