// An Open Inference Protocol client made of the generated code, with its streams as something to wait for.

import { credentials, Metadata } from "@grpc/grpc-js";
import type { ChannelOptions, ClientDuplexStream, ServiceError } from "@grpc/grpc-js";

import { GRPCInferenceServiceClient, ModelInferRequest } from "../../generated/inference/grpc_service.ts";
import type { InferParameter, ModelInferResponse, ModelStreamInferResponse } from "../../generated/inference/grpc_service.ts";
import type { CallChoices, Outcome } from "./clients.ts";
import { unary } from "./clients.ts";
import { readError } from "./status-details.ts";
import type { Failure } from "./status-details.ts";

/** A client over one connection of its own. */
export interface OipClient {
  readonly service: GRPCInferenceServiceClient;
  /** ModelInfer; never rejects. */
  infer(request: ModelInferRequest, choices?: CallChoices): Promise<Outcome<ModelInferResponse>>;
  /** ModelStreamInfer. */
  stream(choices?: StreamChoices): InferStream;
  close(): void;
}

/** What a stream may be given. */
export interface StreamChoices {
  /** gRPC deadline, from now. */
  readonly timeoutMs?: number;
  /** Whether the first error shall end the stream. */
  readonly strict?: boolean;
}

/** One message of a stream. */
export interface StreamAnswer {
  readonly id: string;
  readonly model: string;
  readonly version: string;
  /** "" for an answer. */
  readonly error: string;
  /** Parameters `error_code` and `error_reason`; undefined where they are missing. */
  readonly code: string | undefined;
  readonly reason: string | undefined;
  /** Parameter `triton_final_response`; undefined where it is missing. */
  readonly isFinal: boolean | undefined;
  readonly outputs: ModelInferResponse["outputs"];
  readonly raw: readonly Uint8Array[];
}

/** An open stream. */
export interface InferStream {
  readonly call: ClientDuplexStream<ModelInferRequest, ModelStreamInferResponse>;
  /** Everything that came, in its order. */
  readonly answers: readonly StreamAnswer[];
  /** Sends without waiting. */
  send(...requests: readonly ModelInferRequest[]): void;
  /** Resolves with the first `count` messages when they are there; rejects when the stream ends before. */
  first(count: number): Promise<readonly StreamAnswer[]>;
  /** Half-closes; resolves with how the stream ended. */
  end(): Promise<Failure | undefined>;
  /** How the stream ended: undefined for OK. */
  readonly ended: Promise<Failure | undefined>;
}

/** One input of a request. */
export interface RawInput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A request with raw inputs. */
export function inferRequest(
  model: string,
  id: string,
  inputs: readonly RawInput[],
  more: Partial<ModelInferRequest> = {},
): ModelInferRequest {
  return {
    ...ModelInferRequest.fromPartial({ modelName: model, id }),
    inputs: inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(BigInt), parameters: {}, contents: undefined })),
    rawInputContents: inputs.map(({ bytes }) => bytes),
    ...more,
  };
}

/** An FP32 input. */
export function fp32Input(name: string, shape: readonly number[], values: ArrayLike<number>): RawInput {
  return { name, datatype: "FP32", shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

/** An INT32 input of one dimension. */
export function int32Input(name: string, values: readonly number[]): RawInput {
  return { name, datatype: "INT32", shape: [values.length], bytes: new Uint8Array(Int32Array.from(values).buffer) };
}

/** A bool for `parameters`. */
export function boolParameter(value: boolean): InferParameter {
  return { parameterChoice: { $case: "boolParam", value } };
}

/** The elements of a raw FP32 output. */
export function floatsOfRaw(raw: Uint8Array | undefined): number[] {
  if (raw === undefined) throw new Error("there is no such output");
  return [...new Float32Array(Uint8Array.from(raw).buffer)];
}

/** The elements of a raw INT32 output. */
export function int32sOfRaw(raw: Uint8Array | undefined): number[] {
  if (raw === undefined) throw new Error("there is no such output");
  return [...new Int32Array(Uint8Array.from(raw).buffer)];
}

/** Connects to `host:port`, lazily as grpc-js does. */
export function createOipClient(address: string, options: ChannelOptions = {}): OipClient {
  const service = new GRPCInferenceServiceClient(address, credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
    "grpc.use_local_subchannel_pool": 1,
    ...options,
  });
  return {
    service,
    infer: (request, choices = {}) =>
      unary((done) => {
        const call = service.modelInfer(request, new Metadata(), deadlineOf(choices), done);
        choices.signal?.addEventListener("abort", () => call.cancel(), { once: true });
      }),
    stream(choices = {}) {
      const metadata = new Metadata();
      if (choices.strict !== undefined) metadata.set("triton_grpc_error", String(choices.strict));
      return watch(service.modelStreamInfer(metadata, deadlineOf(choices)));
    },
    close: () => service.close(),
  };
}

function deadlineOf({ timeoutMs }: CallChoices): { deadline?: number } {
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
}

function watch(call: ClientDuplexStream<ModelInferRequest, ModelStreamInferResponse>): InferStream {
  const answers: StreamAnswer[] = [];
  const waiting = new Set<{ readonly count: number; readonly resolve: () => void; readonly reject: (error: Error) => void }>();
  const { promise: ended, resolve: setEnded } = Promise.withResolvers<Failure | undefined>();
  call.on("data", (message: ModelStreamInferResponse) => {
    answers.push(toAnswer(message));
    for (const waiter of waiting) {
      if (waiter.count > answers.length) continue;
      waiting.delete(waiter);
      waiter.resolve();
    }
  });
  const finish = (failure: Failure | undefined): void => {
    for (const { count, reject } of waiting) {
      reject(new Error(`the stream ended after ${answers.length} of ${count} messages: ${JSON.stringify(failure)}`));
    }
    setEnded(failure);
  };
  call.on("error", (error: ServiceError) => finish(readError(error)));
  call.on("end", () => setImmediate(finish, undefined));
  return {
    call,
    answers,
    ended,
    send(...requests) {
      for (const request of requests) call.write(request);
    },
    async first(count) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      if (answers.length >= count) resolve();
      else waiting.add({ count, resolve, reject });
      await promise;
      return answers.slice(0, count);
    },
    end() {
      call.end();
      return ended;
    },
  };
}

function toAnswer({ errorMessage, inferResponse }: ModelStreamInferResponse): StreamAnswer {
  const parameters = inferResponse?.parameters ?? {};
  const choice = (key: string) => parameters[key]?.parameterChoice;
  const textOf = (key: string) => {
    const chosen = choice(key);
    return chosen?.$case === "stringParam" ? chosen.value : undefined;
  };
  const final = choice("triton_final_response");
  return {
    id: inferResponse?.id ?? "",
    model: inferResponse?.modelName ?? "",
    version: inferResponse?.modelVersion ?? "",
    error: errorMessage,
    code: textOf("error_code"),
    reason: textOf("error_reason"),
    isFinal: final?.$case === "boolParam" ? final.value : undefined,
    outputs: inferResponse?.outputs ?? [],
    raw: inferResponse?.rawOutputContents ?? [],
  };
}
