// One model with any mix of options, as a test sets it up, and how its requests look.

import type { Engine } from "../../../src/engine/engine.ts";
import type { Admission, Compat, GateRule, QueuePolicies, TimeoutAction } from "../../../src/engine/queue-policy.ts";
import type { Device, Instance } from "../../../src/engine/scheduler/executor.ts";
import type { Latency } from "../../../src/engine/scheduler/latency-model.ts";
import { LatencyModel } from "../../../src/engine/scheduler/latency-model.ts";
import type { QueueOptions } from "../../../src/engine/scheduler/queue-options.ts";
import { queueOptions } from "./fake-instance.ts";

/** Lengths that requests are padded to, and most rows times length of a run. */
export const BUCKETS: readonly number[] = [2, 4, 8, 12];
export const MAX_TOKENS = 40;

/** Most requests that may wait on a level. */
export const MAX_WAITING = 6;

/** Times that run times are asked for in one case, far above what it takes. */
const MAX_ASKED = 100_000;

/** How a model is set up. */
export interface Mix {
  /** Bits: on which lanes it has an instance. */
  readonly lanes: number;
  readonly device: "none" | "gpu" | "cpu";
  /** Tokens of the device that its runs take. */
  readonly tokens: number;
  readonly kind: "plain" | "fixed sizes" | "padded";
  readonly maxBatchSize: number;
  readonly sharesRuns: boolean;
  readonly maxBatchBytes: number;
  readonly preferredBatchSizes: readonly number[];
  readonly maxQueueDelayMs: number;
  readonly gate: GateRule;
  readonly order: "deadline" | "arrival" | "levels";
  readonly onTimeout: TimeoutAction;
  readonly timeoutMs: number;
  readonly compat: Compat;
  readonly admission: Admission | "off";
  /** What a run is predicted to take besides its tokens; 0: nothing is known; undefined: it is learned from the runs. */
  readonly baseMs: number | undefined;
}

/** A model of the scheduler. */
export interface Model<Request> {
  readonly mix: Mix;
  readonly engine: Engine;
  readonly device: Device | undefined;
  readonly latency: Latency;
  /** That a run of it takes. */
  readonly tokens: number;
  readonly laneNumbers: readonly number[];
  isClosed: boolean;
  hasClosed: boolean;
  /** Requests that have not been answered, in the order in which they have to be; none where no order is asked for. */
  readonly inOrder: Request[];
}

/** Sizes that runs of a model may have; undefined for any. */
export function allowedSizes({ kind, maxBatchSize }: Mix): readonly number[] {
  return kind === "fixed sizes" ? [...new Set([Math.ceil(maxBatchSize / 2), maxBatchSize])] : [];
}

/** The timeout of the model's own, in milliseconds. What would answer out of order is refused when a model is loaded. */
function ownTimeoutMs({ order, onTimeout, timeoutMs }: Mix): number {
  return order === "arrival" && onTimeout === "delay" ? 0 : timeoutMs;
}

/** The queue timeout of a request that brings this one, in milliseconds; 0 for none. */
export function timeoutInForce(mix: Mix, queueTimeoutMs: number): number {
  const timeoutMs = ownTimeoutMs(mix);
  const isBound = timeoutMs === 0 && (mix.compat === "triton" || (mix.order === "arrival" && mix.onTimeout === "delay"));
  if (isBound || queueTimeoutMs === 0) return timeoutMs;
  return timeoutMs === 0 ? queueTimeoutMs : Math.min(timeoutMs, queueTimeoutMs);
}

/** The options of its queue. */
export function optionsOf(mix: Mix, instances: readonly Instance[], latency: Latency): QueueOptions {
  const { kind, order, onTimeout } = mix;
  const defaultPolicy = { timeoutMs: ownTimeoutMs(mix), onTimeout, allowOverride: true, maxQueueRequests: MAX_WAITING };
  const levels = order === "levels" ? 2 : 0;
  const queue: QueuePolicies = { levels, defaultLevel: levels, defaultPolicy, policies: new Map() };
  return queueOptions(instances, {
    maxBatchSize: mix.maxBatchSize,
    sharesRuns: mix.sharesRuns,
    maxBatchBytes: mix.maxBatchBytes,
    preferredBatchSizes: mix.preferredBatchSizes,
    maxQueueDelayMs: mix.maxQueueDelayMs,
    gate: mix.gate,
    compat: mix.compat,
    admission: mix.admission,
    allowedBatchSizes: allowedSizes(mix),
    preserveOrdering: order === "arrival",
    queue,
    padding: kind === "padded" ? { maxBatchTokens: MAX_TOKENS, outputDims: [[1]] } : undefined,
    latency,
  });
}

/** The run times of a model. Whoever asks for them without end has lost his way, and would hold the test up for ever. */
export function latencyOf({ baseMs }: Mix, now: number): Latency {
  const latency = baseMs === undefined ? learned(now) : knownByTokens(baseMs);
  let asked = 0;
  return {
    record: (rows, ms, at, shapeKey) => latency.record(rows, ms, at, shapeKey),
    curve(shapeKey) {
      if (++asked > MAX_ASKED) throw new Error("The scheduler asks for run times without end.");
      return latency.curve(shapeKey);
    },
  };
}

/** Run times are learned, from one that every size takes. */
function learned(now: number): Latency {
  const latency = new LatencyModel();
  latency.record(1, 4, now);
  return latency;
}

/** Run times by rows and padded length; 0 where nothing is known. */
function knownByTokens(baseMs: number): Latency {
  return {
    record: () => {},
    curve(shapeKey) {
      const length = Number(shapeKey.split("|")[0]);
      const runMs = (rows: number): number => (baseMs === 0 ? 0 : baseMs + rows * (length > 0 ? length / 8 : 0.25));
      return { lastAt: Infinity, meanMs: runMs, typicalMs: runMs, safeMs: (rows) => 1.1 * runMs(rows), p99Ms: runMs };
    },
  };
}
