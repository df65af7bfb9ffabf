// One request, many answers, as an async iterable.

import type { ClientReadableStream } from "@grpc/grpc-js";
import type { CallOptions } from "./call-options.ts";
import { abortError, cancelOnAbort, throwIfAborted } from "./call-options.ts";
import { toPredictdError } from "./error-details.ts";

/**
 * Reads a server stream: a slow reader slows the server down, leaving the loop cancels the call.
 * @param open starts the call; runs when the first answer is asked for.
 * @throws PredictdError when the stream ends with another status than OK; answers before it have been given.
 */
export async function* serverStream<Wire, Res>(
  open: () => ClientReadableStream<Wire>,
  fromWire: (message: Wire) => Res,
  options: CallOptions,
): AsyncGenerator<Res, void, undefined> {
  const { signal } = options;
  throwIfAborted(signal);
  const call = open();
  // After the loop has been left, the status CANCELLED arrives where nobody listens.
  call.on("error", () => {});
  const stopListening = cancelOnAbort(call, signal);
  try {
    for await (const message of call) yield fromWire(message as Wire);
  } catch (error) {
    throw signal?.aborted ? abortError(signal) : toPredictdError(error);
  } finally {
    stopListening();
    call.cancel();
  }
}
