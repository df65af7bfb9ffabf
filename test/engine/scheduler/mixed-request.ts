// The requests of a test with mixed options: what they bring, and what must not have become of them.

import { Call } from "../../../src/call.ts";
import type { EngineRequest, EngineResult } from "../../../src/engine/engine.ts";
import { bucketOf } from "../../../src/tensor/length-buckets.ts";
import type { Mix } from "./mixed-model.ts";
import { BUCKETS, timeoutInForce } from "./mixed-model.ts";
import { bytesOf } from "./mixed-run.ts";

/** A decision that a timer makes comes so much later at most. */
export const TIMER_MS = 3;

/** What a request brings. */
export interface Given {
  /** Number of the model; they go round. */
  readonly model: number;
  readonly rows: number;
  readonly length: number;
  readonly priority: number;
  readonly queueTimeoutMs: number;
  readonly deadlineMs: number;
  /** Whether the model does not bear its first row. */
  readonly isPoison: boolean;
}

/** A request that was sent. */
export interface Sent {
  readonly mix: Mix;
  readonly given: Given;
  /** Those of its rows; no two rows of all requests have the same. */
  readonly values: readonly number[];
  readonly call: Call;
  readonly sentAt: number;
  /** The timeout in force, in milliseconds; 0 for none. */
  readonly timeoutMs: number;
  /** Whether its model was being unloaded already. */
  readonly isAfterClose: boolean;
  isCancelled: boolean;
  /** When the first of its rows began to run; Infinity as long as none has. */
  begunAt: number;
  /** How often it was answered. */
  answers: number;
  /** Of the error that it got; undefined for an answer. */
  reason: string | undefined;
  /** What it got, one number a row. */
  rows: readonly number[];
}

const calls = new Set<Call>();

/** Ends every call that a test left open, so that no timer outlives it. */
export function endMixedCalls(): void {
  for (const call of calls) call.cancel();
  calls.clear();
}

/** A request that is about to be sent. */
export function newRequest(mix: Mix, given: Given, values: readonly number[], isAfterClose: boolean, now: number): Sent {
  const call = new Call(now + given.deadlineMs);
  calls.add(call);
  const timeoutMs = timeoutInForce(mix, given.queueTimeoutMs);
  const outcome = { isCancelled: false, begunAt: Infinity, answers: 0, reason: undefined, rows: [] };
  return { mix, given, values, call, sentAt: now, timeoutMs, isAfterClose, ...outcome };
}

/** A row without positions still has to be told from others, so it has one that is no length. */
function positionsOf({ mix, given }: Sent): number {
  return mix.kind === "padded" ? Math.max(1, given.length) : 1;
}

/** As the engine gets it. */
export function engineRequest(sent: Sent): EngineRequest {
  const { mix, given, values } = sent;
  const { rows, length, priority, queueTimeoutMs } = given;
  const isPadded = mix.kind === "padded";
  const positions = positionsOf(sent);
  const paddedLength = bucketOf(BUCKETS, length)!;
  const shape = isPadded ? [rows, positions] : [rows];
  const bytes = bytesOf(values.flatMap((value) => Array.from({ length: positions }, (_, i) => value + i)));
  const otherShape = length < 7 ? "" : "7,;";
  return {
    inputs: [{ name: "x", dtype: "INT32", shape, bytes, problem: undefined }],
    rows,
    shapeKey: isPadded ? `${paddedLength}|L,;` : otherShape,
    padding: isPadded && length > 0 ? { length, paddedLength } : undefined,
    outputs: [0],
    priority,
    queueTimeoutMs,
  };
}

/** One number for each row of an answer; none where it has another shape, or something in it that is not the request's own. */
export function readAnswer(sent: Sent, { outputs }: EngineResult): readonly number[] {
  const { shape, bytes } = outputs[0]!;
  const elements = [...new Int32Array(bytes.slice().buffer)];
  const positions = positionsOf(sent);
  const [rows, own = 1] = shape;
  if (rows !== sent.given.rows || own !== positions || elements.length !== rows * own) return [];
  if (elements.some((element, i) => element !== elements[i - (i % own)]! + (i % own))) return [];
  return elements.filter((_, i) => i % own === 0);
}

/** What must not be the case of a request now. */
export function whyIll({ call, answers, sentAt, timeoutMs, mix, begunAt }: Sent, now: number): string | undefined {
  if (answers > 1) return "answered twice";
  if (answers === 0 && call.deadline <= now) return "not answered at its deadline";
  if (timeoutMs === 0 || mix.onTimeout === "delay") return undefined;
  if (begunAt < Infinity) return begunAt >= sentAt + timeoutMs + 1 ? "begun after its queue timeout" : undefined;
  // Whoever waits for his turn to be answered does not wait in the queue.
  const isOver = answers === 0 && mix.order !== "arrival" && now > sentAt + timeoutMs + TIMER_MS;
  return isOver ? "not answered at its queue timeout" : undefined;
}
