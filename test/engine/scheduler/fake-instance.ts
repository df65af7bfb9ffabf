// An instance whose runs the test releases, and requests to send through it.

import { Call } from "../../../src/call.ts";
import type { Engine, EngineRequest, EngineResult } from "../../../src/engine/engine.ts";
import { PLAIN_QUEUE } from "../../../src/engine/queue-policy.ts";
import type { BatchOutcome, BatchPart, Instance, Lane } from "../../../src/engine/scheduler/executor.ts";
import { LatencyModel } from "../../../src/engine/scheduler/latency-model.ts";
import type { QueueOptions } from "../../../src/engine/scheduler/queue-options.ts";
import { createScheduler } from "../../../src/engine/scheduler/scheduler.ts";
import type { Clock } from "../../../src/lib/clock.ts";

/** A batch that was handed over and waits for the test. */
export interface FakeRun {
  /** Marker values of the rows in the batch. */
  readonly values: readonly number[];
  /** Rows of the run. */
  readonly rows: number;
  /** Ends the run: every row's output is its value plus one. @param runMs what the worker measured; 2 by default. */
  finish(runMs?: number): void;
  /** Ends the run with an error. */
  fail(error: Error): void;
}

/** A lane that is available until the test says otherwise. */
export function createLane(): Lane & { available: boolean; revive(): void } {
  const listeners: (() => void)[] = [];
  return {
    available: true,
    onAvailable: (listener) => void listeners.push(listener),
    revive() {
      this.available = true;
      for (const listener of listeners) listener();
    },
  };
}

/** What a row that was filled in gives, which nobody may get. */
export const FILLED_IN = -1_000_000;

/** An instance on a lane. @param runs gets every batch in the order of hand-over. @param fillsUp whether batches may lack rows of the run. */
export function createFakeInstance(lane: Lane, runs: FakeRun[], fillsUp = false): Instance {
  return {
    lane,
    run: (parts, rows) =>
      new Promise<BatchOutcome>((resolve, reject) => {
        const values = parts.flatMap(valuesOf);
        const missing = rows - values.length;
        if (missing < 0 || (missing > 0 && !fillsUp)) throw new Error("The batch's rows do not add up.");
        runs.push({
          values,
          rows,
          finish: (runMs = 2) =>
            resolve({
              outputs: [
                {
                  dtype: "INT32",
                  shape: [rows],
                  bytes: bytesOf([...values.map((value) => value + 1), ...Array<number>(missing).fill(FILLED_IN)]),
                },
              ],
              runMs,
            }),
          fail: reject,
        });
      }),
  };
}

function valuesOf({ request, firstRow, rows }: BatchPart): readonly number[] {
  const { bytes } = request.inputs[0]!;
  return [...new Int32Array(bytes.slice().buffer)].slice(firstRow, firstRow + rows);
}

function bytesOf(values: readonly number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}

/** Options of a queue; latencies say 2 ms for every size. */
export function queueOptions(instances: readonly Instance[], options: Partial<QueueOptions> = {}): QueueOptions {
  const latency = new LatencyModel();
  latency.record(1, 20);
  return {
    maxBatchSize: 4,
    batched: true,
    sharesRuns: true,
    allowedBatchSizes: [],
    preferredBatchSizes: [],
    preserveOrdering: false,
    queue: PLAIN_QUEUE,
    compat: "off",
    admission: "strict",
    maxQueueDelayMs: 0,
    gate: "fixed",
    maxQueueRows: 1000,
    maxQueueBytes: Infinity,
    maxBatchBytes: Infinity,
    outputNames: ["y"],
    instances,
    latency,
    onRunFailure: () => {},
    ...options,
  };
}

/** An engine on lanes of its own, and the batches it hands over. */
export function setUp(
  options: Partial<QueueOptions> = {},
  clock?: Clock,
  lanes = 1,
): { readonly engine: Engine; readonly runs: readonly FakeRun[] } {
  const runs: FakeRun[] = [];
  const instances = Array.from({ length: lanes }, () =>
    createFakeInstance(createLane(), runs, (options.allowedBatchSizes?.length ?? 0) > 0),
  );
  return { engine: createScheduler(clock).createEngine(queueOptions(instances, options)), runs };
}

/** What a request may bring besides its rows. */
export interface Wishes extends Partial<Pick<EngineRequest, "shapeKey" | "priority" | "queueTimeoutMs">> {
  /** On the clock of `performance.now()`, or on one that is far ahead of it. */
  readonly deadline?: number;
}

/** A request that was submitted. */
export interface Submitted {
  readonly call: Call;
  readonly result: Promise<EngineResult>;
}

/** Rows of a result. */
export function rowsOf(result: EngineResult): readonly number[] {
  return [...new Int32Array(result.outputs[0]!.bytes.slice().buffer)];
}

const calls = new Set<Call>();

/** Ends every call that a test left open, so that no timer outlives it. */
export function endCalls(): void {
  for (const call of calls) call.cancel();
  calls.clear();
}

/** Submits a request whose rows carry these values; `call` can be aborted. */
export function send(engine: Engine, values: readonly number[], wishes: Wishes = {}): Submitted {
  const { deadline = Infinity, shapeKey = "", priority = 0, queueTimeoutMs = 0 } = wishes;
  const input = { name: "x", dtype: "INT32", shape: [values.length], bytes: bytesOf(values), problem: undefined } as const;
  const call = new Call(deadline);
  calls.add(call);
  const result = engine.submit({ inputs: [input], rows: values.length, shapeKey, outputs: [0], priority, queueTimeoutMs }, call);
  result.then(
    () => call.finish(),
    () => call.finish(),
  );
  return { call, result };
}

/** Submits a request with a deadline that lies this many milliseconds ahead. */
export function submit(engine: Engine, values: readonly number[], deadlineMs = Infinity, shapeKey = ""): Submitted {
  return send(engine, values, { deadline: performance.now() + deadlineMs, shapeKey });
}

/** Ends the runs in the order of hand-over until there are none left. @returns the values of all runs since the test began. */
export async function finishAll(runs: readonly FakeRun[], first = 0): Promise<readonly (readonly number[])[]> {
  for (let i = first; i < runs.length; i++) {
    runs[i]!.finish();
    await settle();
  }
  return runs.map(({ values }) => values);
}

/** Lets every promise that can settle do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
