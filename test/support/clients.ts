// Generated clients of one server over one connection of their own, with calls as promises of their outcome.

import { credentials, Metadata } from "@grpc/grpc-js";
import type { ChannelOptions, ClientReadableStream, ServiceError } from "@grpc/grpc-js";

import { HealthCheckResponse_ServingStatus as Serving, HealthClient } from "../../generated/grpc/health/v1/health.ts";
import type { HealthCheckResponse } from "../../generated/grpc/health/v1/health.ts";
import type { Model } from "../../generated/predictd/v1/model.ts";
import { ModelServiceClient } from "../../generated/predictd/v1/model.ts";
import { PredictionServiceClient } from "../../generated/predictd/v1/prediction.ts";
import type { PredictRequest, PredictResponse, PredictStreamResponse, UploadHeader } from "../../generated/predictd/v1/prediction.ts";
import type { Tensor } from "../../generated/predictd/v1/tensor.ts";
import { readError } from "./status-details.ts";
import type { Failure } from "./status-details.ts";

/** How a prediction ended: one of the two is there. */
export interface Outcome<T> {
  readonly response?: T;
  readonly failure?: Failure;
}

/** What a call may be given besides its request. */
export interface CallChoices {
  /** gRPC deadline, from now. */
  readonly timeoutMs?: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
}

/** Clients over one connection. */
export interface Clients {
  readonly prediction: PredictionServiceClient;
  readonly models: ModelServiceClient;
  readonly health: HealthClient;
  /** Unary prediction; never rejects. */
  predict(request: PredictRequest, choices?: CallChoices): Promise<Outcome<PredictResponse>>;
  /** All chunks, and how the stream ended; never rejects. */
  predictStream(
    request: PredictRequest,
    chunkRows?: number,
    choices?: CallChoices,
  ): Promise<Outcome<never> & { readonly chunks: readonly PredictStreamResponse[] }>;
  /** Header, chunks, half-close; never rejects. */
  upload(header: UploadHeader | undefined, chunks: readonly Uint8Array[], choices?: CallChoices): Promise<Outcome<PredictResponse>>;
  /** Every model. */
  listModels(): Promise<readonly Model[]>;
  /** Health of one service, by its name on the wire, or the gRPC code's name where Check fails. */
  check(service: string): Promise<string>;
  /** Resolves when Watch says SERVING. */
  waitForServing(service?: string): Promise<void>;
  close(): void;
}

const OPTIONS: ChannelOptions = {
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
  "grpc.use_local_subchannel_pool": 1,
};

/** A request with the fields that most tests do not care about left empty. */
export function request(model: string, inputs: readonly Tensor[], more: Partial<PredictRequest> = {}): PredictRequest {
  return { model, version: "", requestId: "", inputs: [...inputs], outputs: [], ...more };
}

/** Connects to `host:port`, lazily as grpc-js does. */
export function createClients(address: string, options: ChannelOptions = {}): Clients {
  const channelOptions = { ...OPTIONS, ...options };
  const insecure = credentials.createInsecure();
  const prediction = new PredictionServiceClient(address, insecure, channelOptions);
  const shared = { channelOverride: prediction.getChannel() };
  const models = new ModelServiceClient(address, insecure, shared);
  const health = new HealthClient(address, insecure, shared);
  return {
    prediction,
    models,
    health,
    predict: (message, choices = {}) =>
      unary((done) => abortable(prediction.predict(message, new Metadata(), deadlineOf(choices), done), choices)),
    predictStream(message, chunkRows = 0, choices = {}) {
      const call = prediction.predictStream({ request: message, chunkRows }, new Metadata(), deadlineOf(choices));
      abortable(call, choices);
      return readAll(call);
    },
    async upload(header, chunks, choices = {}) {
      const outcome = await unary<{ response?: PredictResponse }>((done) => {
        const call = prediction.predictUpload(new Metadata(), deadlineOf(choices), done);
        abortable(call, choices);
        // The server may refuse before everything is sent; the outcome comes through the callback.
        call.on("error", () => {});
        if (header !== undefined) call.write({ part: { $case: "header", value: header } });
        for (const chunk of chunks) call.write({ part: { $case: "chunk", value: chunk } });
        call.end();
      });
      return { response: outcome.response?.response, failure: outcome.failure };
    },
    listModels: () =>
      new Promise((resolve, reject) => models.listModels({}, (error, response) => (error ? reject(error) : resolve(response.models)))),
    async check(service) {
      const outcome = await unary<HealthCheckResponse>((done) => void health.check({ service }, done));
      return outcome.response ? servingName(outcome.response) : outcome.failure!.code;
    },
    waitForServing(service = "") {
      const call = health.watch({ service });
      return new Promise((resolve, reject) => {
        call.on("data", (response: HealthCheckResponse) => {
          if (response.status !== Serving.SERVING) return;
          resolve();
          call.cancel();
        });
        call.on("error", reject);
      });
    },
    close() {
      prediction.close();
    },
  };
}

/** Name of a health status. */
export function servingName(response: HealthCheckResponse): string {
  return Object.entries(Serving).find(([, value]) => value === response.status)?.[0] ?? String(response.status);
}

/** Turns a callback into an outcome. */
export function unary<T>(start: (done: (error: ServiceError | null, response: T) => void) => void): Promise<Outcome<T>> {
  return new Promise((resolve) => start((error, response) => resolve(error ? { failure: readError(error) } : { response })));
}

/** Reads a stream to its end. */
export function readAll<T>(call: ClientReadableStream<T>): Promise<Outcome<never> & { readonly chunks: readonly T[] }> {
  const chunks: T[] = [];
  return new Promise((resolve) => {
    call.on("data", (chunk: T) => chunks.push(chunk));
    call.on("error", (error: ServiceError) => resolve({ chunks, failure: readError(error) }));
    call.on("end", () => setImmediate(resolve, { chunks }));
    call.resume();
  });
}

function deadlineOf({ timeoutMs }: CallChoices): { deadline?: number } {
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
}

function abortable(call: { cancel(): void }, { signal }: CallChoices): void {
  signal?.addEventListener("abort", () => call.cancel(), { once: true });
}
