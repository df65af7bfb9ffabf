// Loads one ONNX file: sessions on workers, signature, batching, warm-up, and the engine over all of it.

import type { Logger } from "../../telemetry/logger.ts";
import type { LoadedModel, LoadOptions } from "../backend.ts";
import { ModelError } from "../backend.ts";
import type { PaddingPlan } from "../../tensor/padding.ts";
import type { Signature } from "../../tensor/signature.ts";
import { LatencyModel } from "../scheduler/latency-model.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import { createSessions } from "./create-sessions.ts";
import { declaredSignature } from "./declared-signature.ts";
import { tokensOf, whyInstancesWait, type Devices } from "./devices.ts";
import { checkInline } from "./inline-limit.ts";
import { assertPreferred, freeRows, largestAllowed, sortSizes } from "./batch-sizes.ts";
import { createOnnxInstance } from "./onnx-instance.ts";
import { padWhereProven, planPadding, withOptionalMasks } from "./plan-padding.ts";
import { inferSignature, whyNotBatchable } from "./signature.ts";
import { whyDimsUnknown } from "./unknown-dims.ts";
import { warmUp } from "./warm-up.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** What all models share. */
export interface OnnxRuntime {
  readonly pool: WorkerPool;
  readonly devices: Devices;
  readonly scheduler: Scheduler;
}

/** Loads a file. Rejects with ModelError or the runtime's own error; nothing is left behind then. */
export async function loadOnnxModel(options: LoadOptions, runtime: OnnxRuntime, logger: Logger): Promise<LoadedModel> {
  const { pool, devices, scheduler } = runtime;
  const sessions = await createSessions(options, pool);
  const { key, placed, provider, intraOpThreads } = sessions;
  const release = async (): Promise<void> => {
    await Promise.allSettled(placed.map(({ worker }) => worker.release(key)));
  };
  try {
    const allowed = sortSizes(options.allowedBatchSizes);
    const inFile = inferSignature(sessions.info, options.inputNotes, options.outputNotes);
    const inferred = allowed.length === 0 ? inFile : { ...inFile, signature: freeRows(inFile.signature, allowed) };
    const candidate = decideBatching(options, inferred.signature, allowed);
    const { signature, runtimeOutputs, reshapes, warnings } = declaredSignature(inferred, options, candidate.maxBatchSize > 0);
    assertPreferred(options.preferredBatchSizes, allowed, candidate.maxBatchSize);
    const unknownDims = whyDimsUnknown(options.warmupDims, signature, candidate.maxBatchSize > 0);
    if (unknownDims !== undefined) logger.warn({ reason: unknownDims }, "lengths for trial runs are left out");
    options.onWarming(signature);
    if (allowed.length > 0 && options.padding !== undefined) {
      throw new ModelError(
        "padding and allowedBatchSizes cannot be given together: a run of padded requests has as many rows as maxBatchTokens allows.",
      );
    }
    const isGiven = options.maxBatchSize !== undefined || allowed.length > 0;
    const plan = options.padding && planPadding(options.padding, signature, reshapes);
    const instancesOf = (batched: boolean, padding: PaddingPlan | undefined) =>
      placed.map(({ worker, deviceId }) =>
        createOnnxInstance({
          worker,
          session: key,
          device: devices.of({ provider, execution: options.execution, deviceId }),
          tokens: tokensOf(provider, intraOpThreads),
          signature,
          runtimeOutputs,
          reshapes,
          batched,
          padding,
        }),
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
      throw new ModelError(`Batches cannot be filled up to allowedBatchSizes: ${whyNotBatched}.`);
    }
    if (whyNotBatched !== undefined) logger.warn({ reason: whyNotBatched }, "batching is off for this model");
    // Whoever says how many rows a run takes knows that there are rows, but they must stay together.
    const maxBatchSize = whyNotBatched === undefined || isGiven ? candidate.maxBatchSize : 0;
    const batched = maxBatchSize > 0 && whyNotBatched === undefined;
    const padded = padWhereProven(plan, options.sharesRuns ? warmed.padding : { whyNot: "requests do not share runs" });
    if (padded.whyNot !== undefined) logger.warn({ reason: padded.whyNot }, "padding is off for this model");
    const slow = options.execution === "inline" ? checkInline(warmed.singleRunMs, latency.rows()) : undefined;
    const instances = instancesOf(batched, padded.plan);
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
      instances,
      latency,
      onRunFailure: (failure, rows) => logger.warn({ err: failure, rows }, "run failed"),
      onHang: (heldMs, isOver) => {
        const fields = { heldMs: Math.round(heldMs) };
        if (isOver) logger.warn(fields, "the run that had hung has ended");
        else logger.error(fields, "a run does not end; no further work goes to this instance");
      },
    });
    return {
      engine,
      signature: { ...withOptionalMasks(signature, padded.plan), rowsStandAlone: batched },
      textOnly: true,
      maxBatchSize,
      sharesRuns: options.sharesRuns && batched && maxBatchSize > 1,
      padding: padded.plan,
      splitsRequests: batched && options.compat !== "triton",
      batchingSource: `${whyNotBatched === undefined ? candidate.source : `off: ${whyNotBatched}`}${padded.note}`,
      execution: options.execution,
      instances: placed.length,
      intraOpThreads,
      provider,
      deviceIds: [...new Set(placed.flatMap(({ deviceId }) => deviceId ?? []))],
      providerNotes: sessions.notes,
      warnings: [
        ...warnings,
        ...[unknownDims, warmed.warning, slow].filter((warning) => warning !== undefined),
        ...(whyNotBatched === undefined || !isGiven || maxBatchSize <= 1
          ? []
          : [`Requests are neither joined nor split: ${whyNotBatched}.`]),
        ...(padded.whyNot === undefined ? [] : [`Only requests of equal length share runs: ${padded.whyNot}.`]),
        ...whyFewerInstances(sessions.asked, placed.length),
        ...whyInstancesWait(provider, instances),
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

function whyFewerInstances(asked: number, placed: number): readonly string[] {
  return asked > placed ? [`${asked} instances are asked for, ${placed} run: a worker holds one each (setting maxWorkers).`] : [];
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
        `maxBatchSize (max_batch_size in config.pbtxt) is ${options.maxBatchSize}, but ${JSON.stringify(fixed.name)} has no free first dimension.${advice}`,
      );
    }
    return { maxBatchSize: options.maxBatchSize, source: "the model's configuration" };
  }
  if (why !== undefined) return { maxBatchSize: 0, source: `off: ${why}` };
  return { maxBatchSize: options.defaultMaxBatchSize, source: "inferred from the model file" };
}
