// Times a loaded model by batch size, with all its instances busy at once.

import { Call } from "../../call.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Engine, EngineRequest, EngineResult } from "../engine.ts";
import type { SizeTimes } from "./measurement.ts";
import { medianOf } from "./measurement.ts";
import type { MakeRequest } from "./sample-requests.ts";

/**
 * Rounds over all sizes, and how long each instance is kept busy with one size in a round: sizes take turns, so that a slow moment of the
 * machine is not one size's own.
 */
const ROUNDS = 7;
const TURN_MS = 12;
const MAX_RUNS_PER_TURN = 12;

/** What is measured and for how long. */
export interface MeasureOptions {
  readonly engine: Engine;
  readonly instances: number;
  readonly makeRequest: MakeRequest;
  /** Batch sizes, smallest first. */
  readonly sizes: readonly number[];
  /** Sizes that take longer than this are not tried further, nor are larger ones; in milliseconds. */
  readonly objectiveMs: number;
  /** When to stop, on the clock; the smallest size is always run once. */
  readonly endsAt: number;
  readonly clock: Pick<Clock, "now">;
  /** Stops at the next turn. */
  readonly signal: AbortSignal;
  /** Told the share that is done, from 0 to 1. */
  readonly onProgress: (share: number) => void;
}

interface Times {
  readonly rows: number;
  busyMs: number[];
  runMs: number[];
}

/** Runs the rounds. Rejects with what the engine rejects with, or with the signal's reason. */
export async function measure(options: MeasureOptions): Promise<readonly SizeTimes[]> {
  const { sizes, objectiveMs, endsAt, signal, clock, onProgress } = options;
  const all: Times[] = sizes.map((rows) => ({ rows, busyMs: [], runMs: [] }));
  let count = all.length;
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < count; i++) {
      signal.throwIfAborted();
      if (clock.now() >= endsAt && (round > 0 || i > 0)) return measured(all.slice(0, count));
      const times = all[i]!;
      const expectedMs = times.busyMs.length === 0 ? TURN_MS : medianOf(times.busyMs);
      if (round === 1) {
        // The first run of a size pays for memory that later ones reuse.
        times.busyMs = [];
        times.runMs = [];
      }
      await takeTurn(options, times, Math.min(MAX_RUNS_PER_TURN, Math.max(1, Math.ceil(TURN_MS / expectedMs))));
      if (round === 0 && medianOf(times.busyMs) > objectiveMs) count = Math.max(1, i);
      onProgress(Math.min(1, (round * count + i + 1) / (ROUNDS * count)));
    }
  }
  return measured(all.slice(0, count));
}

function measured(all: readonly Times[]): readonly SizeTimes[] {
  return all.filter(({ busyMs }) => busyMs.length > 0);
}

/** Every instance runs the size so many times, one run after the other. */
async function takeTurn({ engine, instances, makeRequest, clock }: MeasureOptions, times: Times, runs: number): Promise<void> {
  const request = makeRequest(times.rows);
  const lane = async (): Promise<void> => {
    for (let i = 0; i < runs; i++) {
      const started = clock.now();
      const { runMs } = await submit(engine, request);
      times.busyMs.push(clock.now() - started);
      times.runMs.push(runMs);
    }
  };
  await Promise.all(Array.from({ length: instances }, lane));
}

/** One request that nobody is in a hurry for. */
export async function submit(engine: Engine, request: EngineRequest): Promise<EngineResult> {
  const call = new Call(Infinity);
  try {
    return await engine.submit(request, call);
  } finally {
    call.finish();
  }
}
