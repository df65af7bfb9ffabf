// Options of one call: deadline, cancellation and headers.

import type { CallOptions as GrpcCallOptions } from "@grpc/grpc-js";
import { Metadata } from "@grpc/grpc-js";
import { PredictdError } from "./error.ts";

/** Options every call takes. */
export interface CallOptions {
  /** Time for the whole call in milliseconds; default: the client's `defaultDeadlineMs`, none for `session` and `watchHealth`. */
  readonly timeoutMs?: number;
  /** Cancels the call: it then fails with code CANCELLED, or DEADLINE_EXCEEDED for an `AbortSignal.timeout`. */
  readonly signal?: AbortSignal;
  /** Request headers, e.g. `{ "x-request-id": "7" }`; default: none. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A call that can be cancelled, as grpc-js gives it. */
export interface Cancellable {
  cancel(): void;
}

/** Headers of a call. */
export function headers(options: CallOptions): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(options.metadata ?? {})) metadata.set(name, value);
  return metadata;
}

/**
 * grpc-js's options of a call.
 * @param fallbackMs timeout when the call names none; undefined for no deadline.
 * @throws PredictdError INVALID_ARGUMENT for a timeout that is not a number above 0.
 */
export function grpcOptions(options: CallOptions, fallbackMs: number | undefined): GrpcCallOptions {
  const timeoutMs = options.timeoutMs ?? fallbackMs;
  if (timeoutMs === undefined) return {};
  assertTimeout(timeoutMs);
  return { deadline: Date.now() + timeoutMs };
}

/** @throws PredictdError INVALID_ARGUMENT for a timeout that is not a number above 0. */
export function assertTimeout(timeoutMs: number): void {
  if (timeoutMs > 0) return;
  throw new PredictdError("INVALID_ARGUMENT", "FIELD_INVALID", `timeoutMs must be a number above 0, not ${timeoutMs}.`);
}

/** The failure of a call whose signal has fired. */
export function abortError(signal: AbortSignal): PredictdError {
  const reason: unknown = signal.reason;
  const timedOut = reason instanceof Error && reason.name === "TimeoutError";
  const code = timedOut ? "DEADLINE_EXCEEDED" : "CANCELLED";
  return new PredictdError(code, code, timedOut ? "The caller's time is over." : "The caller cancelled.", { cause: reason });
}

/** @throws PredictdError when the signal has fired already. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/**
 * Cancels `call` when the signal fires.
 * @returns stops listening; to be called when the call has ended.
 */
export function cancelOnAbort(call: Cancellable, signal: AbortSignal | undefined): () => void {
  if (signal === undefined) return () => {};
  const cancel = (): void => call.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  return () => signal.removeEventListener("abort", cancel);
}
