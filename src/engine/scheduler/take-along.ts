// Fills a run that is not full with shorter requests that wait.

import { differOnlyInLength } from "../../tensor/padding.ts";
import { rowsInTime } from "./batch-size.ts";
import { borrowedRows } from "./borrow.ts";
import type { Job } from "./job.ts";
import type { LaneState } from "./lane-state.ts";
import { maxRowsOf } from "./padded-length.ts";
import type { QueueState } from "./queue-state.ts";
import type { ShapeQueue } from "./shape-queue.ts";

/**
 * The shorter jobs that ride along, taken out of the queue. None while another lane is idle, which would run them at once.
 * @param jobs of the run, not empty. @param shapeKey of the run. @param startsAt when the run starts.
 */
export function takeAlong(state: QueueState, jobs: readonly Job[], shapeKey: string, lane: LaneState, startsAt: number): readonly Job[] {
  const { options, queue, overhead, rules } = state;
  const { request } = jobs[0]!;
  if (request.padding === undefined || lane.onProbation || !options.sharesRuns || queue.rows === 0) return [];
  if (state.lanes.some((other) => other !== lane && other.inFlight === 0 && other.lane.available)) return [];
  const curve = options.latency.curve(shapeKey);
  let rows = 0;
  let bytes = options.maxBatchBytes;
  let earliest = Infinity;
  for (const job of jobs) {
    rows += job.rows;
    bytes -= job.bytes;
    earliest = Math.min(earliest, job.deadline);
  }
  let most = rowsInTime(curve, rows, maxRowsOf(options, request), earliest - overhead.ms - startsAt);
  const along: Job[] = [];
  for (const shape of shorterOf(queue.shapes, shapeKey, request.padding.paddedLength)) {
    if (rows >= most) break;
    const own = shape.head!.request;
    const shorter = {
      curve: options.latency.curve(own.shapeKey),
      rows: shape.rows,
      maxRows: maxRowsOf(options, own),
      lengthShare: own.padding!.paddedLength / request.padding.paddedLength,
    };
    const wanted = borrowedRows({ curve, rows, spareRows: most - rows }, shorter);
    const endsAt = rules.checksRiders ? startsAt + curve.safeMs(rows + wanted) + overhead.ms : -Infinity;
    // In this run they take more memory than in one of their own.
    for (const job of queue.takeRiders(shape, { rows: wanted, bytes: bytes * shorter.lengthShare, jobs: Infinity, endsAt })) {
      along.push(job);
      rows += job.rows;
      bytes -= job.bytes / shorter.lengthShare;
      earliest = Math.min(earliest, job.deadline);
    }
    // Who follows must not make those late who have come along.
    most = rowsInTime(curve, rows, most, earliest - overhead.ms - startsAt);
  }
  return along;
}

/** The longest first: they need the least padding. */
function shorterOf(shapes: Iterable<ShapeQueue>, shapeKey: string, paddedLength: number): readonly ShapeQueue[] {
  return [...shapes]
    .filter((shape) => lengthOf(shape) < paddedLength && differOnlyInLength(shapeKey, shape.shapeKey))
    .toSorted((a, b) => lengthOf(b) - lengthOf(a));
}

function lengthOf({ head }: ShapeQueue): number {
  return head?.request.padding?.paddedLength ?? Infinity;
}
