// An instance whose runs the test releases, and requests to send through it.

import { Call } from "../../../src/call.ts";
import type { Engine, EngineRequest, EngineResult } from "../../../src/engine/engine.ts";
import type { BatchOutcome, BatchPart, Instance, Lane } from "../../../src/engine/scheduler/executor.ts";
import { LatencyTable } from "../../../src/engine/scheduler/latency-table.ts";
import type { QueueOptions } from "../../../src/engine/scheduler/scheduler.ts";

/** A batch that was handed over and waits for the test. */
export interface FakeRun {
  /** Marker values of the rows in the batch. */
  readonly values: readonly number[];
  /** Ends the run: every row's output is its value plus one. */
  finish(): void;
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

/** An instance on a lane. @param runs gets every batch in the order of hand-over. */
export function createFakeInstance(lane: Lane, runs: FakeRun[]): Instance {
  return {
    lane,
    run: (parts, rows) =>
      new Promise<BatchOutcome>((resolve, reject) => {
        const values = parts.flatMap(valuesOf);
        if (values.length !== rows) throw new Error("The batch's rows do not add up.");
        runs.push({
          values,
          finish: () =>
            resolve({ outputs: [{ dtype: "INT32", shape: [rows], bytes: bytesOf(values.map((value) => value + 1)) }], runMs: 2 }),
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
  const latency = new LatencyTable();
  latency.record(1, 20);
  return {
    maxBatchSize: 4,
    batched: true,
    maxQueueDelayMs: 0,
    maxQueueRows: 1000,
    maxBatchBytes: Infinity,
    outputNames: ["y"],
    instances,
    latency,
    onRunFailure: () => {},
    ...options,
  };
}

/** A request whose rows carry these values. */
export function requestOf(values: readonly number[], shapeKey = ""): EngineRequest {
  const input = { name: "x", dtype: "INT32", shape: [values.length], bytes: bytesOf(values), problem: undefined } as const;
  return { inputs: [input], rows: values.length, shapeKey, outputs: [0] };
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

/** Submits a request without a timer; `call` can be aborted. */
export function submit(
  engine: Engine,
  values: readonly number[],
  deadline = Infinity,
  shapeKey = "",
): { call: Call; result: Promise<EngineResult> } {
  const call = new Call(deadline === Infinity ? Infinity : performance.now() + deadline);
  calls.add(call);
  const result = engine.submit(requestOf(values, shapeKey), call);
  result.then(
    () => call.finish(),
    () => call.finish(),
  );
  return { call, result };
}

/** Lets every promise that can settle do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
