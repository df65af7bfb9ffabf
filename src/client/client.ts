// The published client of predictd: predictions, models and health over gRPC.

import { HealthClient } from "../../generated/grpc/health/v1/health.ts";
import { ModelServiceClient } from "../../generated/predictd/v1/model.ts";
import { PredictionServiceClient } from "../../generated/predictd/v1/prediction.ts";
import type { CallOptions } from "./call-options.ts";
import { grpcOptions, headers } from "./call-options.ts";
import type { ClientOptions } from "./client-options.ts";
import { completeClientOptions } from "./client-options.ts";
import { checkHealth, watchHealth } from "./health.ts";
import { modelFromWire } from "./model-codec.ts";
import type { HealthStatus, Model } from "./model.ts";
import { chunkFromWire, requestToWire, resultFromWire } from "./prediction-codec.ts";
import type { PredictChunk, PredictRequest, PredictResult } from "./prediction.ts";
import { serverStream } from "./server-stream.ts";
import type { Session, SessionOptions } from "./session.ts";
import { openSession } from "./session.ts";
import { unary } from "./unary.ts";
import type { UploadOptions } from "./upload.ts";
import { upload } from "./upload.ts";

export type { CallOptions } from "./call-options.ts";
export type { ClientOptions } from "./client-options.ts";
export type { Element, NestedArray } from "./elements.ts";
export type { PredictdErrorOptions, StatusCode } from "./error.ts";
export { PredictdError } from "./error.ts";
export { fromBfloat, fromHalf, toBfloat, toHalf } from "../tensor/half.ts";
export type { Batching, Execution, HealthStatus, Model, ModelState, ModelStatistics, ModelVersion, WarmupTiming } from "./model.ts";
export type { PredictChunk, PredictRequest, PredictResult, Timings } from "./prediction.ts";
export type { Session, SessionCallOptions, SessionOptions } from "./session.ts";
export type { Tensor, TensorData } from "./tensors.ts";
export { rawTensor, tensor, values } from "./tensors.ts";
export type { TypedArray, ValuesOf } from "./typed-arrays.ts";
export type { UploadOptions } from "./upload.ts";
export type { DType } from "../tensor/dtype.ts";
export type { Dim, TensorSpec } from "../tensor/signature.ts";

/** Options of a stream of chunks. */
export interface StreamOptions extends CallOptions {
  /** Rows per chunk; default: the model's `maxBatchSize`, which is also the most. */
  readonly chunkRows?: number;
}

/** A connection to one predictd. Every method fails with a PredictdError and nothing else. */
export interface PredictdClient {
  /** Makes one prediction. */
  predict(request: PredictRequest, options?: CallOptions): Promise<PredictResult>;
  /** Makes one prediction of many rows and gives the results in chunks, in row order. Leaving the loop cancels the rest. */
  predictStream(request: PredictRequest, options?: StreamOptions): AsyncGenerator<PredictChunk, void, undefined>;
  /** Opens a stream that keeps many predictions in flight. */
  session(options?: SessionOptions): Session;
  /** Makes one prediction whose largest input is sent in chunks: for inputs above the message limit. */
  upload(request: PredictRequest, options?: UploadOptions): Promise<PredictResult>;
  /** Every model of the server, failed ones included, in name order. */
  listModels(options?: CallOptions): Promise<readonly Model[]>;
  /** One model, with one version or (default) all of them. NOT_FOUND when there is none. */
  getModel(name: string, version?: string, options?: CallOptions): Promise<Model>;
  /** State of a service, by default of the server as a whole (""). NOT_FOUND for a service that does not exist. */
  health(service?: string, options?: CallOptions): Promise<HealthStatus>;
  /** State of a service now and after every change, without a deadline by default. */
  watchHealth(service?: string, options?: CallOptions): AsyncGenerator<HealthStatus, void, undefined>;
  /** Closes the connection; calls in flight are finished, new ones fail. */
  close(): void;
}

/**
 * Makes a client. It connects with the first call, and again whenever the connection was lost.
 * @param target `host:port`, or options.
 * @throws PredictdError INVALID_ARGUMENT for options out of range.
 */
export function createClient(target: string | ClientOptions): PredictdClient {
  const { address, credentials, defaultDeadlineMs, channelOptions } = completeClientOptions(target);
  const predictions = new PredictionServiceClient(address, credentials, channelOptions);
  const shared = { channelOverride: predictions.getChannel() };
  const models = new ModelServiceClient(address, credentials, shared);
  const healths = new HealthClient(address, credentials, shared);

  return {
    async predict(request, options = {}) {
      return resultFromWire(await unary(predictions.predict.bind(predictions), requestToWire(request), options, defaultDeadlineMs));
    },
    predictStream(request, options = {}) {
      const { chunkRows = 0 } = options;
      const open = () =>
        predictions.predictStream(
          { request: requestToWire(request), chunkRows },
          headers(options),
          grpcOptions(options, defaultDeadlineMs),
        );
      return serverStream(open, chunkFromWire, options);
    },
    session: (options = {}) => openSession(predictions, options, defaultDeadlineMs),
    upload: (request, options = {}) => upload(predictions, request, options, defaultDeadlineMs),
    async listModels(options = {}) {
      return (await unary(models.listModels.bind(models), {}, options, defaultDeadlineMs)).models.map(modelFromWire);
    },
    async getModel(name, version = "", options = {}) {
      return modelFromWire((await unary(models.getModel.bind(models), { name, version }, options, defaultDeadlineMs)).model);
    },
    health: (service = "", options = {}) => checkHealth(healths, service, options, defaultDeadlineMs),
    watchHealth: (service = "", options = {}) => watchHealth(healths, service, options),
    close() {
      predictions.close();
    },
  };
}
