// One call through the pipeline: who waits, until when, and where it stands.

import { ServiceError } from "./errors.ts";
import type { FarTimer } from "./lib/far-timers.ts";
import { NEAR_MS, unwatchFar, watchFar } from "./lib/far-timers.ts";

/** Where a call stands. The same words name files, metrics and timing fields; `receive` is the time before the request is complete. */
export type Stage = "receive" | "route" | "validate" | "features" | "preprocess" | "admit" | "queue" | "batch" | "run" | "postprocess";

/**
 * One prediction's call: the meeting point of the client's deadline, its cancel and the server's shutdown.
 * Whichever comes first aborts the call once; `finish` ends it without an abort.
 */
export class Call implements FarTimer {
  /** For the watch over far deadlines only. */
  bagIndex = -1;
  /** When the answer is worthless, on the monotonic clock of `performance.now()`; Infinity for none. */
  readonly deadline: number;
  /** Where the call stands now; named in DEADLINE_EXCEEDED. */
  stage: Stage = "receive";
  #error: ServiceError | undefined;
  #onAbort: ((error: ServiceError) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param deadline on the clock of `performance.now()`, in milliseconds. The timer starts at once. */
  constructor(deadline: number, now = performance.now()) {
    this.deadline = deadline;
    if (deadline === Infinity) return;
    if (deadline - now > NEAR_MS) watchFar(this);
    else this.onNear(now);
  }

  /**
   * Sets who is told about an abort: the stage that holds the call now. Replaces the stage before.
   * A call that is aborted already tells the new holder at once.
   */
  onAbort(listener: ((error: ServiceError) => void) | undefined): void {
    this.#onAbort = listener;
    if (listener !== undefined && this.#error !== undefined) listener(this.#error);
  }

  /** Ends the call with the error, unless it has ended. */
  abort(error: ServiceError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#disarm();
    this.#onAbort?.(error);
  }

  /** The caller cancelled or went away. */
  cancel(): void {
    this.abort(cancelled(this.stage));
  }

  /** Whether it has been aborted. */
  get isAborted(): boolean {
    return this.#error !== undefined;
  }

  /** Whether somebody still waits; a deadline that has passed aborts the call here, even when its timer is late. */
  isAlive(now = performance.now()): boolean {
    if (this.#error === undefined && now >= this.deadline) this.#expire();
    return this.#error === undefined;
  }

  /** Throws if nobody waits any more. */
  assertAlive(now = performance.now()): void {
    if (!this.isAlive(now)) throw this.#error!;
  }

  /** Releases the timer; nothing aborts the call afterwards. */
  finish(): void {
    this.#disarm();
    this.#onAbort = undefined;
  }

  /** The deadline has come near; or never was far. For the watch over far deadlines and the constructor. */
  onNear(now: number): void {
    this.#timer = setTimeout(onTimer, Math.max(0, this.deadline - now), this);
  }

  /** For the timer only: a timer may be a little early. */
  onTimer(): void {
    const now = performance.now();
    if (this.deadline - now < 1) this.#expire();
    else this.onNear(now);
  }

  #disarm(): void {
    if (this.#timer === undefined) unwatchFar(this);
    else clearTimeout(this.#timer);
  }

  #expire(): void {
    this.abort(expired(this.stage));
  }
}

/** The outcomes that all calls of a stage share: in a storm of them there are thousands a second. */
function perStage(make: (stage: Stage) => ServiceError): (stage: Stage) => ServiceError {
  const made = new Map<Stage, ServiceError>();
  return (stage) => {
    let error = made.get(stage);
    if (error === undefined) made.set(stage, (error = make(stage)));
    return error;
  };
}

const cancelled = perStage(
  (stage) => new ServiceError("CANCELLED", "The call was cancelled by the caller.", { metadata: { stage }, recurs: true }),
);

/** The error of a call whose deadline passed while it stood at this stage. */
export const expired = perStage(
  (stage) => new ServiceError("DEADLINE_EXCEEDED", `The deadline passed in stage ${stage}.`, { metadata: { stage }, recurs: true }),
);

function onTimer(call: Call): void {
  call.onTimer();
}
