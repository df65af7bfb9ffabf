// The surface for predictions that all transports share: every outcome is counted, logged and made tellable here, once.

import { randomUUID } from "node:crypto";
import type { Call } from "../call.ts";
import { ServiceError } from "../errors.ts";
import type { Chunks } from "../predict/chunks.ts";
import { createChunks } from "../predict/chunks.ts";
import type { PredictEach } from "../predict/predict.ts";
import { createPredict, createPredictEach } from "../predict/predict.ts";
import type { PredictRequest, PredictResponse } from "../predict/request.ts";
import type { Route, Servable } from "../predict/servable.ts";
import type { FailureLog } from "../telemetry/failure-log.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Tracer } from "../telemetry/tracer.ts";

/** What transports may ask for. */
export interface PredictApi {
  /**
   * Answers one prediction. Rejects with a ServiceError only.
   * @param pinned the version that answers, held by the caller; undefined: the one that the request names.
   */
  predict(request: PredictRequest, call: Call, pinned?: Servable): Promise<PredictResponse>;
  /** Answers one request as often as its model likes. Rejects with a ServiceError only. */
  predictEach: PredictEach;
  /** Whether a model may answer a request any number of times; false for one that does not answer at all. */
  isDecoupled(model: string, version: string): boolean;
  /** Checks a request of many rows and cuts it into chunks, each to be predicted on its own. @throws ServiceError. */
  chunks(request: PredictRequest, wantedRows: number): Chunks;
  /** Whether the model and version answer now. @throws ServiceError MODEL_NOT_FOUND, VERSION_NOT_FOUND or MODEL_NOT_READY. */
  assertServed(request: PredictRequest): void;
  /** Turns whatever was thrown into what a caller may see; the cause of a bug goes to the log under an opaque id. */
  readonly toServiceError: (error: unknown) => ServiceError;
}

/** What the surface is made with. */
export interface PredictApiOptions {
  readonly route: Route;
  readonly tracer: Tracer;
  readonly logger: Logger;
  /** Which failed calls are logged. */
  readonly failureLog: FailureLog;
  /** Share of successful calls that are logged, 0 to 1. */
  readonly logSampleRatio: number;
  /** Largest answer. */
  readonly maxMessageBytes: number;
}

/** Makes the surface. */
export function createPredictApi(options: PredictApiOptions): PredictApi {
  const { route, tracer, logger, failureLog, logSampleRatio } = options;
  const predictOne = createPredict(route, options);
  const predictMany = createPredictEach(route, predictOne, options);
  const toServiceError = (error: unknown): ServiceError => {
    if (error instanceof ServiceError) return error;
    const id = randomUUID();
    logger.error({ err: error, id }, "internal error");
    return new ServiceError("INTERNAL", `Internal error ${id}.`, { metadata: { id } });
  };
  const answered = (response: PredictResponse): void => {
    const { model, version, requestId, batchRows, timings } = response;
    if (tracer.sample(model)) {
      tracer.record({ model, version, requestId, timings, startedAtEpochMs: epochNow() - timings.totalUs / 1000 });
    }
    if (logSampleRatio > 0 && Math.random() < logSampleRatio) {
      logger.info({ requestId, model, version, code: "OK", batchRows, ...timings }, "call");
    } else if (logger.isVerbose) {
      logger.debug({ requestId, model, version, code: "OK", batchRows, ...timings }, "call");
    }
  };
  const failed = ({ requestId, model }: PredictRequest, error: unknown): ServiceError => {
    const failure = toServiceError(error);
    const { reason, code, message, metadata } = failure;
    if (!failureLog.admits(reason)) return failure;
    logger.info({ requestId: requestId.slice(0, 128), model: model.slice(0, 128), code, reason, message, ...metadata }, "call");
    return failure;
  };
  return {
    async predict(request, call, pinned) {
      try {
        const response = await predictOne(request, call, pinned);
        answered(response);
        return response;
      } catch (error) {
        throw failed(request, error);
      } finally {
        call.finish();
      }
    },
    async predictEach(request, call, onResponse) {
      try {
        await predictMany(request, call, (response, last) => {
          // However many responses it has, it is one request.
          if (last) answered(response);
          return onResponse(response, last);
        });
      } catch (error) {
        throw failed(request, error);
      } finally {
        call.finish();
      }
    },
    isDecoupled(model, version) {
      try {
        return route(model, version).engine.stream !== undefined;
      } catch {
        return false;
      }
    },
    chunks: (request, wantedRows) => createChunks(route, request, wantedRows),
    assertServed(request) {
      route(request.model, request.version);
    },
    toServiceError,
  };
}

function epochNow(): number {
  return performance.timeOrigin + performance.now();
}
