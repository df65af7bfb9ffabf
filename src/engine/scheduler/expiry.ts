// Who waits in vain: answered at the last moment at which a start would have made sense, not when a lane becomes free.

import type { ServiceError } from "../../errors.ts";
import { Gate } from "./gate.ts";
import type { Job, Pending } from "./job.ts";
import type { QueueState } from "./queue-state.ts";
import { timeoutInForceMs } from "./queue-timeout.ts";
import { DROPPED, queueTimeout } from "./refusals.ts";

/** A timer may be early by this much. */
const TIMER_EARLY_MS = 1;

/** Answers requests whose time in the queue is over. One timer, armed for the earliest last possible start of all that wait. */
export class Expiry {
  readonly #state: QueueState;
  readonly #alarm: Gate;
  readonly #drop: (pending: Pending, error: ServiceError) => void;

  /** @param drop answers a request early, wherever its jobs stand. */
  constructor(state: QueueState, drop: (pending: Pending, error: ServiceError) => void) {
    this.#state = state;
    this.#drop = drop;
    this.#alarm = new Gate(state.clock, () => this.#expire());
  }

  /** A job that did not start at once counts for those behind it, and its last possible start is seen. */
  watch(job: Job, now: number): void {
    // One that was delayed while it was let in is watched already.
    if (job.heapIndex === -1 || job.expiryIndex !== -1) return;
    const lastStart = this.#lastStart(job);
    this.#state.queue.watch(job, lastStart, now);
    if (lastStart < Infinity) this.#alarm.arm(lastStart, now);
  }

  /** Watches nobody any more. */
  stop(): void {
    this.#alarm.disarm();
  }

  /** Rests when nobody is watched any more. */
  rest(): void {
    if (this.#state.queue.nextToExpire === undefined) this.#alarm.disarm();
  }

  /** Whether a job may start now. A late timer must let neither expired nor timed out work run, so it is answered here. */
  mayStart(job: Job, now: number): boolean {
    const { pending } = job;
    if (!pending.call.isAlive(now)) {
      this.#state.queue.remove(job);
      return false;
    }
    if (now < pending.startBy) return true;
    this.#timeOut(pending);
    return false;
  }

  /** When starting it makes no sense any more. */
  #lastStart({ pending, deadline, rows, request }: Job): number {
    if (deadline === Infinity || pending.explores) return pending.startBy;
    const { options, overhead } = this.#state;
    return Math.min(pending.startBy, deadline - overhead.ms - options.latency.curve(request.shapeKey).safeMs(rows));
  }

  #expire(): void {
    const { clock, queue, counters } = this.#state;
    const now = clock.now();
    for (let job = queue.nextToExpire; job !== undefined; job = queue.nextToExpire) {
      if (job.lastStart - now >= TIMER_EARLY_MS) {
        this.#alarm.arm(job.lastStart, now);
        return;
      }
      const { pending } = job;
      if (pending.startBy - now < TIMER_EARLY_MS) {
        this.#timeOut(pending);
        continue;
      }
      // Run times have changed since, or the first part has started and lifted the limit.
      const lastStart = this.#lastStart(job);
      if (lastStart > now) {
        queue.rewatch(job, Math.max(lastStart, now + 2 * TIMER_EARLY_MS));
        continue;
      }
      counters.expired++;
      this.#drop(pending, DROPPED);
    }
  }

  /** The queue timeout has passed and no part of the request has started. */
  #timeOut(pending: Pending): void {
    const { policy } = pending.level;
    const { options, queue, clock } = this.#state;
    if (policy.onTimeout === "delay") {
      pending.liftStartLimit();
      for (const job of pending.jobs) {
        queue.remove(job);
        job.delay();
        queue.push(job);
        this.watch(job, clock.now());
      }
      return;
    }
    const timeoutMs = timeoutInForceMs(policy, pending.request.queueTimeoutMs);
    this.#drop(pending, queueTimeout(timeoutMs, options.compat));
  }
}
