// Sends one large input in chunks, then runs one prediction.

import { once } from "node:events";
import type { PredictionServiceClient } from "../../generated/predictd/v1/prediction.ts";
import type { PredictUploadResponse } from "../../generated/predictd/v1/prediction.ts";
import type { CallOptions } from "./call-options.ts";
import { abortError, cancelOnAbort, grpcOptions, headers, throwIfAborted } from "./call-options.ts";
import { toPredictdError } from "./error-details.ts";
import { PredictdError } from "./error.ts";
import { requestToWire, resultFromWire } from "./prediction-codec.ts";
import type { PredictRequest, PredictResult } from "./prediction.ts";
import type { Tensor } from "./tensors.ts";

/** Options of an upload. */
export interface UploadOptions extends CallOptions {
  /** Bytes per message; default 1 MiB, from 1 up to the server's `maxMessageBytes`. */
  readonly chunkBytes?: number;
  /** Name of the input to send in chunks; default: the one with the most bytes. Not a STRING input. */
  readonly input?: string;
}

/**
 * Sends the chunks no faster than the server takes them.
 * @throws PredictdError
 */
export async function upload(
  client: PredictionServiceClient,
  request: PredictRequest,
  options: UploadOptions,
  fallbackMs: number,
): Promise<PredictResult> {
  const { signal, chunkBytes = 1024 * 1024 } = options;
  throwIfAborted(signal);
  if (!Number.isInteger(chunkBytes) || chunkBytes < 1) {
    throw new PredictdError("INVALID_ARGUMENT", "FIELD_INVALID", `chunkBytes must be an integer of 1 or more, not ${chunkBytes}.`);
  }
  const large = chooseInput(request, options.input);
  const header = requestToWire({
    ...request,
    inputs: request.inputs.map((input) => (input === large ? { ...input, raw: new Uint8Array(0) } : input)),
  });
  const { promise, resolve, reject } = Promise.withResolvers<PredictUploadResponse>();
  const answered = new AbortController();
  const call = client.predictUpload(headers(options), grpcOptions(options, fallbackMs), (error, response) => {
    if (error === null) resolve(response);
    else reject(signal?.aborted ? abortError(signal) : toPredictdError(error));
    answered.abort();
  });
  const stopListening = cancelOnAbort(call, signal);
  try {
    call.write({ part: { $case: "header", value: { request: header, input: large.name, totalBytes: BigInt(large.raw.byteLength) } } });
    for (let at = 0; at < large.raw.byteLength && !answered.signal.aborted; at += chunkBytes) {
      const more = call.write({ part: { $case: "chunk", value: large.raw.subarray(at, at + chunkBytes) } });
      // A server that answers early stops reading, and then no `drain` comes.
      if (!more) await once(call, "drain", { signal: answered.signal }).catch(() => {});
    }
    if (!answered.signal.aborted) call.end();
    return resultFromWire((await promise).response);
  } finally {
    stopListening();
  }
}

function chooseInput(request: PredictRequest, name: string | undefined): Tensor {
  const candidates = request.inputs.filter((input) => input.dtype !== "STRING" && (name === undefined || input.name === name));
  const [first, ...rest] = candidates;
  if (first === undefined) {
    throw new PredictdError(
      "INVALID_ARGUMENT",
      "INPUT_MISSING",
      `The request has no input ${name === undefined ? "of raw bytes" : `"${name}"`} to upload.`,
    );
  }
  return rest.reduce((largest, input) => (input.raw.byteLength > largest.raw.byteLength ? input : largest), first);
}
