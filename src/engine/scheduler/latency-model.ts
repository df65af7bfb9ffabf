// What is known of the run times of one model version: a curve for each shape.

import type { LatencyRow, RunTimes } from "./latency-curve.ts";
import { LatencyCurve } from "./latency-curve.ts";

/** Shapes that have curves of their own; further ones share the common one until a curve has been idle for a while. */
const MAX_SHAPES = 64;
const MAX_IDLE_MS = 60_000;

/** What the scheduler needs to know of run times. */
export interface Latency {
  /** Notes one run. @param at on the scheduler's clock. */
  record(rows: number, ms: number, at: number, shapeKey: string): void;
  /** What to expect of runs of this shape. */
  curve(shapeKey: string): RunTimes;
}

/** Learns from warm-up and from every run. */
export class LatencyModel implements Latency {
  /** Of warm-up, of models with one shape, and of shapes that have not run yet. */
  readonly #common = new LatencyCurve(false);
  readonly #shapes = new Map<string, LatencyCurve>();

  /** Notes one run. @param at on the scheduler's clock; now on the real one by default. */
  record(rows: number, ms: number, at: number = performance.now(), shapeKey = ""): void {
    const curve = shapeKey === "" ? this.#common : (this.#shapes.get(shapeKey) ?? this.#newCurve(shapeKey, at));
    curve.record(rows, ms, at);
  }

  curve(shapeKey: string): LatencyCurve {
    if (shapeKey === "") return this.#common;
    return this.#shapes.get(shapeKey) ?? this.#common;
  }

  /** One row per batch size that was measured at warm-up or without a shape of its own, smallest first. */
  rows(): LatencyRow[] {
    return this.#common.rows();
  }

  #newCurve(shapeKey: string, at: number): LatencyCurve {
    if (this.#shapes.size >= MAX_SHAPES) {
      const idle = [...this.#shapes].find(([, { lastAt }]) => at - lastAt > MAX_IDLE_MS);
      if (idle === undefined) return this.#common;
      this.#shapes.delete(idle[0]);
    }
    const curve = new LatencyCurve(true);
    this.#shapes.set(shapeKey, curve);
    return curve;
  }
}
