// Every way in which a scheduler refuses, expires or drops a request, made with runs that do not end and a clock that the test moves.

import type { QueueOptions } from "../../src/engine/scheduler/queue-options.ts";
import type { Compat } from "../../src/engine/queue-policy.ts";
import { PLAIN_QUEUE } from "../../src/engine/queue-policy.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { knownLatency } from "../engine/scheduler/simulation/profiles.ts";

/** What a caller is told. */
export interface Told {
  readonly code: string;
  readonly reason: string;
  readonly stage: string;
  readonly isPredicted: boolean;
  /** Whether it is told when to come again. */
  readonly hasAdvice: boolean;
}

/** One kind of refusal, of a request without a deadline of its own, which so has one of 60 s. */
export interface RefusalKind {
  readonly name: string;
  /** Of the engine; one row a run. */
  readonly options: Partial<QueueOptions>;
  /** Requests before it: the first one runs. */
  readonly before: number;
  /** For how long they have been there when it comes, in milliseconds. */
  readonly beforeMs?: number;
  /** Its rows; 1 by default. */
  readonly rows?: number;
  /** By how much time moves on once it waits, in milliseconds. */
  readonly thenMs?: number;
  readonly told: Told;
}

/** Every run takes as long, and a tenth more to be safe. */
function takes(seconds: number): Partial<QueueOptions> {
  return { latency: knownLatency({ runMs: (rows) => rows * seconds * 1000, maxBatchSize: 1, sloMs: Infinity }) };
}

const HOPELESS = { code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED", stage: "admit", isPredicted: true, hasAdvice: false };
const policy = PLAIN_QUEUE.defaultPolicy;

/** All kinds. Margins are of ten seconds and more. */
export function refusalKinds(compat: Compat): readonly RefusalKind[] {
  const overload = compat === "triton" ? "UNAVAILABLE" : "RESOURCE_EXHAUSTED";
  const busy = { code: overload, reason: "DEADLINE_UNREACHABLE", stage: "admit", isPredicted: true, hasAdvice: true };
  const full = { code: overload, reason: "QUEUE_FULL", stage: "admit", isPredicted: false, hasAdvice: true };
  const timedOut = {
    code: compat === "triton" ? "UNAVAILABLE" : "DEADLINE_EXCEEDED",
    reason: "QUEUE_TIMEOUT",
    stage: "queue",
    isPredicted: false,
    hasAdvice: false,
  };
  const kinds: readonly RefusalKind[] = [
    { name: "hopeless", options: takes(100), before: 0, told: HOPELESS },
    { name: "hopeless as a whole, in three parts", options: takes(30), before: 0, rows: 3, told: HOPELESS },
    { name: "too busy", options: takes(40), before: 1, told: busy },
    { name: "too busy as a whole, in three parts", options: takes(13), before: 2, rows: 3, told: busy },
    { name: "dropped in the queue", options: takes(15), before: 1, thenMs: 50_000, told: { ...HOPELESS, stage: "queue" } },
    {
      name: "a queue timeout",
      options: { ...takes(10), queue: { ...PLAIN_QUEUE, defaultPolicy: { ...policy, timeoutMs: 30 } } },
      before: 1,
      thenMs: 31,
      told: timedOut,
    },
    { name: "full by rows", options: { ...takes(1), maxQueueRows: 1 }, before: 2, told: full },
    { name: "full by bytes", options: { ...takes(1), maxQueueBytes: 4 }, before: 2, told: full },
    {
      name: "full by requests",
      options: { ...takes(1), queue: { ...PLAIN_QUEUE, defaultPolicy: { ...policy, maxQueueRequests: 1 } } },
      before: 2,
      told: full,
    },
    {
      name: "stalled",
      options: takes(1),
      before: 1,
      beforeMs: 300_000,
      told: { code: "UNAVAILABLE", reason: "MODEL_STALLED", stage: "admit", isPredicted: false, hasAdvice: true },
    },
  ];
  return kinds.map((kind) => ({ ...kind, options: { maxBatchSize: 1, ...kind.options, compat } }));
}

/** Real time, moved by what the test says. */
export interface MovedClock extends Clock {
  /** Moves time on and fires the timers that are due; none fires by itself. */
  move(ms: number): void;
}

/** Makes a clock. @param behindMs by how much it is behind `performance.now()` at first. */
export function createMovedClock(behindMs: number): MovedClock {
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  let aheadMs = -behindMs;
  const now = () => performance.now() + aheadMs;
  return {
    now,
    after(ms, callback) {
      const timer = { at: now() + ms, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    move(ms) {
      aheadMs += ms;
      for (const timer of [...timers].toSorted((a, b) => a.at - b.at)) {
        if (timer.at <= now() && timers.delete(timer)) timer.callback();
      }
    },
  };
}
