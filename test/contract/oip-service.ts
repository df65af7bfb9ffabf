// Asks the unary methods of inference.GRPCInferenceService; fields that a test does not care about stay empty.

import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { PreconditionFailure } from "../../generated/google/rpc/error_details.ts";
import { Status } from "../../generated/google/rpc/status.ts";
import { GRPCInferenceServiceService as SERVICE } from "../../generated/inference/grpc_service.ts";
import { readError } from "../support/status-details.ts";
import type { Failure } from "../support/status-details.ts";

type Service = typeof SERVICE;

/** A unary method, by its name in the generated code. */
export type OipMethod = Exclude<keyof Service, "modelStreamInfer">;
/** What a method takes. */
export type OipRequest<M extends OipMethod> = ReturnType<Service[M]["requestDeserialize"]>;
/** What a method answers. */
export type OipResponse<M extends OipMethod> = ReturnType<Service[M]["responseDeserialize"]>;

/** A refusal with everything it carries. */
export interface Refusal extends Failure {
  /** From PreconditionFailure. */
  readonly preconditions: readonly { readonly type: string; readonly subject: string; readonly description: string }[];
}

/** Choices for one call. */
export interface AskOptions {
  /** gRPC deadline, from now. */
  readonly timeoutMs?: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
}

/** A client over a connection of its own. */
export interface OipClient {
  /** Rejects with what the server said. */
  ask<M extends OipMethod>(method: M, request?: Partial<OipRequest<M>>, options?: AskOptions): Promise<OipResponse<M>>;
  /** The refusal of a call that must fail. */
  refusal<M extends OipMethod>(method: M, request?: Partial<OipRequest<M>>, options?: AskOptions): Promise<Refusal>;
  close(): void;
}

/** The paths of all methods with one message in. */
export const UNARY_PATHS: readonly string[] = Object.values(SERVICE).flatMap(({ path, requestStream }) => (requestStream ? [] : [path]));

/** Connects to `host:port`, lazily as grpc-js does. */
export function connectOip(address: string): OipClient {
  const client = new Client(address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  const start = <M extends OipMethod>(
    method: M,
    request: Partial<OipRequest<M>>,
    { timeoutMs, signal }: AskOptions,
    done: (error: ServiceError | null, response?: OipResponse<M>) => void,
  ): void => {
    // The methods of one definition fit each other, which the union of all of them no longer shows.
    const definition = SERVICE[method] as unknown as {
      readonly path: string;
      readonly requestSerialize: (value: OipRequest<M>) => Buffer;
      readonly requestDeserialize: (bytes: Buffer) => OipRequest<M>;
      readonly responseDeserialize: (bytes: Buffer) => OipResponse<M>;
    };
    const { path, requestSerialize, requestDeserialize, responseDeserialize } = definition;
    const whole = { ...requestDeserialize(Buffer.alloc(0)), ...request };
    const options = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
    const call = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, whole, new Metadata(), options, done);
    signal?.addEventListener("abort", () => call.cancel(), { once: true });
  };
  return {
    ask: (method, request = {}, options = {}) =>
      new Promise((resolve, reject) =>
        start(method, request, options, (error, response) => {
          if (error === null) resolve(response!);
          else reject(new Error(JSON.stringify(readRefusal(error)), { cause: error }));
        }),
      ),
    refusal: (method, request = {}, options = {}) =>
      new Promise((resolve, reject) =>
        start(method, request, options, (error) => {
          if (error === null) reject(new Error(`${method} was not refused`));
          else resolve(readRefusal(error));
        }),
      ),
    close: () => client.close(),
  };
}

function readRefusal(error: ServiceError): Refusal {
  const bytes = error.metadata?.get("grpc-status-details-bin")[0] as Buffer | undefined;
  const details = bytes === undefined ? [] : Status.decode(bytes).details;
  const found = details.find(({ typeUrl }) => typeUrl.endsWith("/google.rpc.PreconditionFailure"));
  return { ...readError(error), preconditions: found === undefined ? [] : PreconditionFailure.decode(found.value).violations };
}
