// The surface for predictions that all transports share: every outcome is counted, logged and made tellable here, once.

import { randomUUID } from "node:crypto";
import type { Call } from "../call.ts";
import { ServiceError } from "../errors.ts";
import type { Chunks } from "../predict/chunks.ts";
import { createChunks } from "../predict/chunks.ts";
import type { Predict } from "../predict/predict.ts";
import type { PredictRequest, PredictResponse } from "../predict/request.ts";
import type { Route } from "../predict/servable.ts";
import type { Logger } from "../telemetry/logger.ts";

/** What transports may ask for. */
export interface PredictApi {
  /** Answers one prediction. Rejects with a ServiceError only. */
  predict(request: PredictRequest, call: Call): Promise<PredictResponse>;
  /** Checks a request of many rows and cuts it into chunks, each to be predicted on its own. @throws ServiceError. */
  chunks(request: PredictRequest, wantedRows: number): Chunks;
  /** Whether the model and version answer now. @throws ServiceError MODEL_NOT_FOUND, VERSION_NOT_FOUND or MODEL_NOT_READY. */
  assertServed(request: PredictRequest): void;
  /** Turns whatever was thrown into what a caller may see; the cause of a bug goes to the log under an opaque id. */
  readonly toServiceError: (error: unknown) => ServiceError;
}

/** What the surface is made with. */
export interface PredictApiOptions {
  readonly predict: Predict;
  readonly route: Route;
  readonly logger: Logger;
  /** Share of successful calls that are logged, 0 to 1; errors always are. */
  readonly logSampleRatio: number;
}

/** Makes the surface. */
export function createPredictApi({ predict, route, logger, logSampleRatio }: PredictApiOptions): PredictApi {
  const toServiceError = (error: unknown): ServiceError => {
    if (error instanceof ServiceError) return error;
    const id = randomUUID();
    logger.error({ err: error, id }, "internal error");
    return new ServiceError("INTERNAL", `Internal error ${id}.`, { metadata: { id } });
  };
  return {
    async predict(request, call) {
      try {
        const response = await predict(request, call);
        if (logSampleRatio > 0 && Math.random() < logSampleRatio) {
          const { model, version, requestId, batchRows, timings } = response;
          logger.info({ requestId, model, version, code: "OK", batchRows, ...timings }, "call");
        }
        return response;
      } catch (error) {
        const failure = toServiceError(error);
        const { reason, code, message, metadata } = failure;
        logger.info(
          { requestId: request.requestId.slice(0, 128), model: request.model.slice(0, 128), code, reason, message, ...metadata },
          "call",
        );
        throw failure;
      } finally {
        call.finish();
      }
    },
    chunks: (request, wantedRows) => createChunks(route, request, wantedRows),
    assertServed(request) {
      route(request.model, request.version);
    },
    toServiceError,
  };
}
