// Many predictions in flight on one stream.

import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { PredictSessionRequest, PredictSessionResponse, PredictionServiceClient } from "../../generated/predictd/v1/prediction.ts";
import type { CallOptions } from "./call-options.ts";
import { abortError, assertTimeout, cancelOnAbort, grpcOptions, headers, throwIfAborted } from "./call-options.ts";
import { fromStatus, toPredictdError } from "./error-details.ts";
import { PredictdError } from "./error.ts";
import { requestToWire, resultFromWire } from "./prediction-codec.ts";
import type { PredictRequest, PredictResult } from "./prediction.ts";

/** Options of a session. `timeoutMs` limits the stream as a whole; default: no limit. */
export interface SessionOptions extends CallOptions {
  /** true: results come in the order of the requests; default false: as they finish. */
  readonly ordered?: boolean;
  /** Most predictions in flight; further ones wait in the client. Default 256, the server's own default. */
  readonly maxInFlight?: number;
  /** Told once when the server is going away: it answers what it has, and takes nothing new on this session. */
  readonly onDrain?: (graceMs: number) => void;
}

/** Options of one prediction of a session; `timeoutMs` defaults to the client's `defaultDeadlineMs`. */
export type SessionCallOptions = Pick<CallOptions, "timeoutMs" | "signal">;

/** One open stream of predictions. */
export interface Session {
  /** Whether the server takes nothing new on this session, or it has ended. */
  readonly draining: boolean;
  /**
   * Makes one prediction. Its failure does not end the session.
   * @throws PredictdError; UNAVAILABLE once the session drains, FAILED_PRECONDITION once it is closed.
   */
  predict(request: PredictRequest, options?: SessionCallOptions): Promise<PredictResult>;
  /**
   * Takes nothing new, waits for what is in flight, then ends the stream.
   * @throws PredictdError when the stream ends with another status than OK.
   */
  close(): Promise<void>;
}

interface Item {
  readonly id: string;
  readonly request: PredictRequest;
  readonly expiresAtMs: number;
  readonly settle: (outcome: PredictResult | PredictdError) => void;
}

type Stream = ClientDuplexStream<PredictSessionRequest, PredictSessionResponse>;

/**
 * The server ends a prediction at its timeout, and says in which stage. Only when nothing has come this much later does the client end
 * it itself.
 */
const ANSWER_GRACE_MS = 500;

/** Above it setTimeout fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Opens a session. */
export function openSession(client: PredictionServiceClient, options: SessionOptions, defaultTimeoutMs: number): Session {
  throwIfAborted(options.signal);
  const maxInFlight = options.maxInFlight ?? 256;
  if (!Number.isInteger(maxInFlight) || maxInFlight < 1) {
    throw new PredictdError("INVALID_ARGUMENT", "FIELD_INVALID", `maxInFlight must be an integer of 1 or more, not ${maxInFlight}.`);
  }
  const call: Stream = client.predictSession(headers(options), grpcOptions(options, undefined));
  const stopListening = cancelOnAbort(call, options.signal);
  const inFlight = new Map<string, Item>();
  const waiting = new Map<string, Item>();
  const ended = Promise.withResolvers<void>();
  // Whoever never calls close() learns of the end by the predictions.
  ended.promise.catch(() => {});
  let lastId = 0;
  let refusal: PredictdError | undefined;
  let writable = true;

  const send = (message: NonNullable<PredictSessionRequest["message"]>): void => {
    if (writable) call.write({ message });
  };

  const halfClose = (): void => {
    if (!writable || waiting.size > 0) return;
    writable = false;
    call.end();
  };

  const sendWaiting = (): void => {
    for (const item of waiting.values()) {
      if (inFlight.size >= maxInFlight) return;
      waiting.delete(item.id);
      try {
        const timeoutMs = Math.max(1, Math.ceil(item.expiresAtMs - performance.now()));
        send({
          $case: "predict",
          value: { id: item.id, request: requestToWire(item.request), timeoutMs: Math.min(timeoutMs, 0xffff_ffff) },
        });
        inFlight.set(item.id, item);
      } catch (error) {
        item.settle(toPredictdError(error));
      }
    }
    if (refusal !== undefined) halfClose();
  };

  const finish = (id: string, outcome: PredictResult | PredictdError): void => {
    const item = inFlight.get(id);
    if (item === undefined) return;
    inFlight.delete(id);
    item.settle(outcome);
    sendWaiting();
  };

  const end = (error: PredictdError | undefined): void => {
    stopListening();
    writable = false;
    refusal ??= error ?? new PredictdError("UNAVAILABLE", "SERVER_DRAINING", "The server ended the session.");
    const left = [...inFlight.values(), ...waiting.values()];
    inFlight.clear();
    waiting.clear();
    for (const item of left) item.settle(error ?? refusal);
    if (error === undefined) ended.resolve();
    else ended.reject(error);
  };

  call.on("data", ({ message }: PredictSessionResponse) => {
    if (message?.$case === "drain") {
      refusal ??= new PredictdError("UNAVAILABLE", "SERVER_DRAINING", "The server is going away; open a new session.");
      const unsent = [...waiting.values()];
      waiting.clear();
      for (const item of unsent) item.settle(refusal);
      halfClose();
      options.onDrain?.(message.value.graceMs);
    } else if (message?.$case === "result") {
      finish(message.value.id, readOutcome(message.value.outcome));
    }
  });
  call.on("error", (error) => end(options.signal?.aborted ? abortError(options.signal) : toPredictdError(error)));
  call.on("end", () => {
    // With another status than OK, `error` has come before.
    end(undefined);
  });
  if (options.ordered) send({ $case: "options", value: { ordered: true } });

  return {
    get draining() {
      return refusal !== undefined;
    },
    async predict(request, { timeoutMs = defaultTimeoutMs, signal } = {}) {
      throwIfAborted(signal);
      assertTimeout(timeoutMs);
      if (refusal !== undefined) throw refusal;
      const id = String(++lastId);
      const { promise, resolve, reject } = Promise.withResolvers<PredictResult>();
      const giveUp = (error: PredictdError): void => {
        if (inFlight.has(id)) send({ $case: "cancel", value: { id } });
        if (waiting.delete(id)) reject(error);
        else finish(id, error);
        if (refusal !== undefined) halfClose();
      };
      const onAbort = (): void => giveUp(abortError(signal!));
      const timer = setTimeout(
        () => {
          giveUp(new PredictdError("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", `No answer within ${timeoutMs} ms.`));
        },
        Math.min(timeoutMs + ANSWER_GRACE_MS, MAX_TIMER_MS),
      );
      signal?.addEventListener("abort", onAbort, { once: true });
      const settle: Item["settle"] = (outcome) => (outcome instanceof PredictdError ? reject(outcome) : resolve(outcome));
      waiting.set(id, { id, request, expiresAtMs: performance.now() + timeoutMs, settle });
      sendWaiting();
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      }
    },
    close() {
      refusal ??= new PredictdError("FAILED_PRECONDITION", "", "The session is closed.");
      halfClose();
      return ended.promise;
    },
  };
}

type Outcome = Extract<PredictSessionResponse["message"], { $case: "result" }>["value"]["outcome"];

function readOutcome(outcome: Outcome): PredictResult | PredictdError {
  try {
    return outcome?.$case === "error" ? fromStatus(outcome.value) : resultFromWire(outcome?.value);
  } catch (error) {
    return toPredictdError(error);
  }
}
