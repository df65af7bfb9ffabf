// Which jobs leave together.

import type { ServiceError } from "../../errors.ts";
import { roundToAllowed } from "./allowed-sizes.ts";
import { batchSize, DROP_HEAD, roundToPreferred } from "./batch-size.ts";
import type { Expiry } from "./expiry.ts";
import type { Job, Pending } from "./job.ts";
import type { LaneState } from "./lane-state.ts";
import { maxRowsOf } from "./padded-length.ts";
import type { QueueState } from "./queue-state.ts";
import { DROPPED } from "./refusals.ts";
import { SizeTrials } from "./size-trials.ts";
import { takeAlong } from "./take-along.ts";

/** Forms batches out of one queue. */
export class BatchFormer {
  /** Whole batches that leave although they are predicted to be late for the most urgent one. */
  readonly trials = new SizeTrials();
  readonly #state: QueueState;
  readonly #expiry: Expiry;
  readonly #drop: (pending: Pending, error: ServiceError) => void;

  /** @param drop answers a request early, wherever its jobs stand. */
  constructor(state: QueueState, expiry: Expiry, drop: (pending: Pending, error: ServiceError) => void) {
    this.#state = state;
    this.#expiry = expiry;
    this.#drop = drop;
  }

  /** The jobs of the next batch on this lane; empty when everybody who could lead one has been answered. */
  form(lane: LaneState, now: number): readonly Job[] {
    const { options, allowedSizes, rules, queue, overhead, counters } = this.#state;
    const { maxBatchBytes, sharesRuns, preferredBatchSizes, latency } = options;
    const startsAt = lane.freeAt(now);
    for (let lead = queue.lead(); lead !== undefined; lead = queue.lead()) {
      const { shape, heap } = lead;
      const head = heap.head!;
      if (!this.#expiry.mayStart(head, now)) continue;
      const maxRows = maxRowsOf(options, head.request);
      const curve = latency.curve(head.request.shapeKey);
      const full = sharesRuns ? Math.max(head.rows, Math.min(shape.rows, maxRows)) : head.rows;
      let rows = full;
      if (head.deadline !== Infinity && !head.pending.explores) {
        const budgetMs = head.deadline - overhead.ms - startsAt;
        rows = batchSize(curve, head.rows, full, budgetMs, rules.efficiencyFloor);
        if (rows === DROP_HEAD) {
          counters.droppedAtDispatch++;
          this.#drop(head.pending, DROPPED);
          continue;
        }
        if (rows < full && this.trials.isDue()) rows = full;
      }
      const wanted = rows;
      if (preferredBatchSizes.length > 0 && sharesRuns) rows = roundToPreferred(curve, head.rows, rows, preferredBatchSizes);
      if (allowedSizes !== undefined && sharesRuns) rows = roundToAllowed(curve, head.rows, rows, allowedSizes);
      const { held } = shape;
      shape.held = false;
      const taken = queue.take(shape, heap, {
        rows,
        bytes: maxBatchBytes,
        jobs: sharesRuns && !lane.onProbation ? Infinity : 1,
        endsAt: rules.checksRiders ? startsAt + curve.safeMs(rows) + overhead.ms : -Infinity,
      });
      const jobs = taken.filter((job) => this.#expiry.mayStart(job, now));
      if (jobs.length === 0) continue;
      if (options.padding !== undefined) {
        const along = takeAlong(this.#state, jobs, shape.shapeKey, lane, startsAt);
        jobs.push(...along.filter((job) => this.#expiry.mayStart(job, now)));
      }
      this.trials.left(jobs);
      this.#count(wanted, full, maxRows, held);
      return jobs;
    }
    return [];
  }

  #count(rows: number, full: number, maxRows: number, held: boolean): void {
    const { counters } = this.#state;
    if (rows >= maxRows) counters.leftFull++;
    else if (rows < full) counters.leftCut++;
    else if (held) counters.leftGate++;
    else counters.leftIdle++;
  }
}
