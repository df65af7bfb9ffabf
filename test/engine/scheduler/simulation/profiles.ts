// Models to simulate: how long a run takes by its rows.

import type { Latency } from "../../../../src/engine/scheduler/latency-model.ts";
import type { Random } from "./random.ts";
import { normal } from "./random.ts";

/** A model and the deadline its callers usually bring. */
export interface Profile {
  /** @param length where requests are padded. */
  readonly runMs: (rows: number, length?: number) => number;
  readonly maxBatchSize: number;
  readonly sloMs: number;
}

/** Batching gains much: like ResNet-50 on a GPU. */
export const RN: Profile = { runMs: (rows) => 1.8 + 0.25 * rows, maxBatchSize: 32, sloMs: 25 };

/** Batching gains little: like BERT-large on a GPU. */
export const BL: Profile = { runMs: (rows) => 3.2 + 3.3 * rows, maxBatchSize: 16, sloMs: 100 };

/** Weights that do not fit the cache: measured on one CPU thread. */
export const CPU: Profile = { runMs: curve([1, 2, 4, 8, 16, 32, 64], [11.4, 12.3, 14, 17, 26, 44.6, 83.2]), maxBatchSize: 32, sloMs: 150 };

/** The model of the comparison with other servers: 25 M parameters on one core, deadline 80 ms. */
export const M25: Profile = { runMs: (rows) => 2.23 + 0.268 * rows, maxBatchSize: 32, sloMs: 80 };

function curve(rows: readonly number[], ms: readonly number[]): (rows: number) => number {
  return (asked) => {
    const above = Math.max(
      1,
      rows.findIndex((size) => size >= asked),
    );
    const share = (asked - rows[above - 1]!) / (rows[above]! - rows[above - 1]!);
    return ms[above - 1]! + share * (ms[above]! - ms[above - 1]!);
  };
}

/** Rows per millisecond of one instance that always runs full batches. */
export function capacityPerMs({ runMs, maxBatchSize }: Profile): number {
  return maxBatchSize / runMs(maxBatchSize);
}

/** How much longer or shorter than usual one run takes. */
export type Noise = (random: Random) => number;

/** Four per cent, and half as long again in one of 200 runs. */
export const LIGHT: Noise = (random) => Math.exp(0.04 * normal(random)) * (random() < 0.005 ? 1.5 : 1);

/** As on a machine whose cores are shared: 1.5 % of the runs take two to five times as long. */
export const HEAVY: Noise = (random) => (random() < 0.015 ? 2 + 3 * random() : Math.exp(0.04 * normal(random)));

/** Run times that are known beforehand and never learned. @param ratio safe prediction over the true mean. */
export function knownLatency({ runMs }: Profile, ratio = 1.1): Latency {
  const times = {
    lastAt: Infinity,
    meanMs: runMs,
    typicalMs: runMs,
    safeMs: (rows: number) => ratio * runMs(rows),
    p99Ms: (rows: number) => 1.5 * runMs(rows),
  };
  return { record: () => {}, curve: () => times };
}
