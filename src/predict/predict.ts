// The way of one prediction: route → validate → admit → queue → batch → run → postprocess.

import type { Call } from "../call.ts";
import type { Config } from "../config/config.ts";
import type { EngineRequest, EngineResult } from "../engine/engine.ts";
import type { Code } from "../errors.ts";
import { ServiceError } from "../errors.ts";
import { assertAnswerFits } from "./answer-size.ts";
import { classifyOutputs } from "./classify.ts";
import type { PredictRequest, PredictResponse } from "./request.ts";
import type { Route, Servable } from "./servable.ts";

/**
 * Answers one prediction. Rejects with a ServiceError; anything else is a bug.
 * @param pinned the version that answers, on which the caller holds a lease; undefined: the one that the request names.
 */
export type Predict = (request: PredictRequest, call: Call, pinned?: Servable) => Promise<PredictResponse>;

/**
 * Answers one request as often as the model likes, once for most models. Resolves after the last response; the promise of `onResponse`
 * holds the model back. Rejects like `Predict`.
 */
export type PredictEach = (
  request: PredictRequest,
  call: Call,
  onResponse: (response: PredictResponse, last: boolean) => Promise<void> | void,
) => Promise<void>;

/** Codes of requests that were not served for want of time or room. */
const REJECTIONS: ReadonlySet<Code> = new Set<Code>(["DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "UNAVAILABLE"]);

/** How large an answer may be. */
export type AnswerLimits = Pick<Config, "maxMessageBytes">;

/** Makes the pipeline over the versions that `route` knows. */
export function createPredict(route: Route, limits: AnswerLimits): Predict {
  return async (request, call, pinned) => {
    const started = performance.now();
    call.stage = "route";
    const servable = pinned ?? route(request.model, request.version);
    const { engine, instruments, leases } = servable;
    leases.take();
    let validated = 0;
    try {
      if (engine.stream !== undefined) throw decoupled();
      const routed = performance.now();
      call.stage = "validate";
      const valid = servable.validate(request);
      validated = performance.now();
      instruments.lastRequestAt = Date.now();
      call.assertAlive(validated);
      const result = await engine.submit(valid, call);
      const response = toResponse(servable, request, result, limits, started, routed, validated);
      countAnswered(servable, valid, call, started);
      return response;
    } catch (error) {
      countError(servable, error, started, validated);
      throw error;
    } finally {
      leases.give();
    }
  };
}

/** Makes the pipeline for models that may answer more than once. */
export function createPredictEach(route: Route, predict: Predict, limits: AnswerLimits): PredictEach {
  return async (request, call, onResponse) => {
    const started = performance.now();
    call.stage = "route";
    const servable = route(request.model, request.version);
    const { engine, instruments, leases } = servable;
    if (engine.stream === undefined) {
      await onResponse(await predict(request, call, servable), true);
      return;
    }
    leases.take();
    let validated = 0;
    try {
      const routed = performance.now();
      call.stage = "validate";
      const valid = servable.validate(request);
      validated = performance.now();
      instruments.lastRequestAt = Date.now();
      call.assertAlive(validated);
      for await (const result of engine.stream(valid, call)) {
        const response = toResponse(servable, request, result, limits, started, routed, validated);
        if (result.last) countAnswered(servable, valid, call, started);
        await onResponse(response, result.last);
      }
    } catch (error) {
      countError(servable, error, started, validated);
      throw error;
    } finally {
      leases.give();
    }
  };
}

/** Counts a request that has got its last response. */
function countAnswered({ instruments }: Servable, { rows }: EngineRequest, { deadline }: Call, started: number): void {
  const now = performance.now();
  instruments.okCount++;
  if (now > deadline) instruments.lateCount++;
  instruments.rowCount += rows;
  instruments.totalMs.record(now - started);
}

/** Counts what a result has cost and makes the response of it. */
function toResponse(
  { model, version, signature, maxBatchSize, instruments }: Servable,
  request: PredictRequest,
  result: EngineResult,
  { maxMessageBytes }: AnswerLimits,
  started: number,
  routed: number,
  validated: number,
): PredictResponse {
  const { queueMs, batchMs, runMs, runEndedAt, batchRows } = result;
  const outputs = request.classCounts.length === 0 ? result.outputs : classifyOutputs(result.outputs, request, signature, maxBatchSize > 0);
  assertAnswerFits(outputs, maxMessageBytes);
  const ended = performance.now();
  instruments.queueMs.record(queueMs);
  instruments.runMs.record(runMs);
  instruments.batchRows.record(batchRows);
  instruments.batchMs += batchMs;
  instruments.postprocessMs += ended - runEndedAt;
  return {
    model,
    version,
    requestId: request.requestId,
    outputs,
    batchRows,
    timings: {
      routeUs: toUs(routed - started),
      validateUs: toUs(validated - routed),
      admitUs: toUs(Math.max(0, runEndedAt - validated - queueMs - batchMs - runMs)),
      queueUs: toUs(queueMs),
      batchUs: toUs(batchMs),
      runUs: toUs(runMs),
      postprocessUs: toUs(ended - runEndedAt),
      totalUs: toUs(ended - started),
    },
  };
}

/** @param validated when the request had been found valid; 0 if it has not. */
function countError({ instruments }: Servable, error: unknown, started: number, validated: number): void {
  instruments.errorCount++;
  if (validated === 0) return;
  instruments.failCount++;
  const ms = performance.now() - started;
  instruments.failMs += ms;
  if (error instanceof ServiceError && REJECTIONS.has(error.code)) instruments.rejectMs.record(ms);
}

function decoupled(): ServiceError {
  return new ServiceError("MODEL_DECOUPLED", "ModelInfer RPC doesn't support models with decoupled transaction policy", {
    metadata: { stage: "route" },
  });
}

function toUs(ms: number): number {
  return Math.round(ms * 1000);
}
