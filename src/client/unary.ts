// One request, one answer, as a promise.

import type { CallOptions as GrpcCallOptions, ClientUnaryCall, Metadata, ServiceError } from "@grpc/grpc-js";
import type { CallOptions } from "./call-options.ts";
import { abortError, cancelOnAbort, grpcOptions, headers, throwIfAborted } from "./call-options.ts";
import { toPredictdError } from "./error-details.ts";

/** A unary method of a generated client. */
export type UnaryMethod<Req, Res> = (
  request: Req,
  metadata: Metadata,
  options: GrpcCallOptions,
  callback: (error: ServiceError | null, response: Res) => void,
) => ClientUnaryCall;

/**
 * Calls a unary method.
 * @throws PredictdError
 */
export async function unary<Req, Res>(method: UnaryMethod<Req, Res>, request: Req, options: CallOptions, fallbackMs: number): Promise<Res> {
  const { signal } = options;
  throwIfAborted(signal);
  const callOptions = grpcOptions(options, fallbackMs);
  const { promise, resolve, reject } = Promise.withResolvers<Res>();
  const call = method(request, headers(options), callOptions, (error, response) => {
    if (error === null) resolve(response);
    else reject(signal?.aborted ? abortError(signal) : toPredictdError(error));
  });
  const stopListening = cancelOnAbort(call, signal);
  try {
    return await promise;
  } finally {
    stopListening();
  }
}
