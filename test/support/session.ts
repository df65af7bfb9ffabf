// One PredictSession with an answer to wait for by id.

import { Metadata } from "@grpc/grpc-js";
import type { ClientDuplexStream, ServiceError } from "@grpc/grpc-js";

import type {
  PredictionServiceClient,
  PredictRequest,
  PredictResponse,
  PredictSessionRequest,
  PredictSessionResponse,
} from "../../generated/predictd/v1/prediction.ts";
import type { Outcome } from "./clients.ts";
import { readError, readStatus } from "./status-details.ts";
import type { Failure } from "./status-details.ts";

/** An answer with its id. */
export interface SessionAnswer extends Outcome<PredictResponse> {
  readonly id: string;
}

/** An open session. */
export interface TestSession {
  readonly call: ClientDuplexStream<PredictSessionRequest, PredictSessionResponse>;
  /** Ids in the order of their answers. */
  readonly order: readonly string[];
  /** Every answer, in the order they came. */
  readonly answers: readonly SessionAnswer[];
  /** Milliseconds of grace of each drain message. */
  readonly drains: readonly number[];
  /** Sends options. */
  options(ordered: boolean): void;
  /** Sends a prediction without waiting. */
  send(id: string, request: PredictRequest | undefined, timeoutMs?: number): void;
  /** Sends a prediction; resolves with its answer, rejects when the stream ends before. */
  predict(id: string, request: PredictRequest | undefined, timeoutMs?: number): Promise<SessionAnswer>;
  /** Cancels one prediction. */
  cancel(id: string): void;
  /** Half-closes; resolves with how the stream ended. */
  end(): Promise<Failure | undefined>;
  /** How the stream ended: undefined for OK. */
  readonly ended: Promise<Failure | undefined>;
}

/** Opens a session. */
export function openSession(client: PredictionServiceClient, choices: { readonly timeoutMs?: number } = {}): TestSession {
  const deadline = choices.timeoutMs === undefined ? {} : { deadline: Date.now() + choices.timeoutMs };
  const call = client.predictSession(new Metadata(), deadline);
  const answers: SessionAnswer[] = [];
  const order: string[] = [];
  const drains: number[] = [];
  const waiting = new Map<string, { readonly resolve: (answer: SessionAnswer) => void; readonly reject: (error: Error) => void }>();
  call.on("data", ({ message }: PredictSessionResponse) => {
    if (message?.$case === "drain") drains.push(message.value.graceMs);
    if (message?.$case !== "result") return;
    const { id, outcome } = message.value;
    const answer = { id, ...(outcome?.$case === "error" ? { failure: readStatus(outcome.value) } : { response: outcome?.value }) };
    answers.push(answer);
    order.push(id);
    waiting.get(id)?.resolve(answer);
    waiting.delete(id);
  });
  const ended = new Promise<Failure | undefined>((resolve) => {
    const finish = (failure: Failure | undefined) => {
      for (const [id, { reject }] of waiting) reject(new Error(`the session ended without an answer to ${id}: ${JSON.stringify(failure)}`));
      resolve(failure);
    };
    call.on("error", (error: ServiceError) => finish(readError(error)));
    call.on("end", () => setImmediate(finish, undefined));
  });
  const send = (id: string, request: PredictRequest | undefined, timeoutMs = 0) =>
    void call.write({ message: { $case: "predict", value: { id, request, timeoutMs } } });
  return {
    call,
    order,
    answers,
    drains,
    ended,
    send,
    options: (ordered) => void call.write({ message: { $case: "options", value: { ordered } } }),
    predict: (id, request, timeoutMs) =>
      new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        send(id, request, timeoutMs);
      }),
    cancel: (id) => void call.write({ message: { $case: "cancel", value: { id } } }),
    end() {
      call.end();
      return ended;
    },
  };
}
