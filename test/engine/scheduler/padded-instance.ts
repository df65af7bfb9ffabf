// A model whose requests are padded to share runs, which the test ends.

import { expect } from "@jest/globals";
import { Call } from "../../../src/call.ts";
import type { Engine, EngineResult } from "../../../src/engine/engine.ts";
import { fillSlot } from "../../../src/engine/onnx/fill-slot.ts";
import { NO_RESHAPES } from "../../../src/engine/onnx/reshape.ts";
import { Slot } from "../../../src/engine/onnx/slot.ts";
import type { BatchOutcome, BatchPart, Instance, OutputBlock } from "../../../src/engine/scheduler/executor.ts";
import { RunFailure } from "../../../src/engine/scheduler/executor.ts";
import type { QueueOptions } from "../../../src/engine/scheduler/queue-options.ts";
import { createScheduler } from "../../../src/engine/scheduler/scheduler.ts";
import type { Clock } from "../../../src/lib/clock.ts";
import { createValidate } from "../../../src/predict/validate.ts";
import { bucketLengths } from "../../../src/tensor/length-buckets.ts";
import { padElement } from "../../../src/tensor/pad-element.ts";
import type { TensorSpec } from "../../../src/tensor/signature.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { createLane, queueOptions } from "./fake-instance.ts";

/** What fills up: its bytes differ, so that a misplaced one is seen. */
const PAD = 0x01020304;
/** Most rows of a run, and most rows times length. */
export const MAX_ROWS = 6;
export const MAX_TOKENS = 64;

/** The first input and its buckets. */
export const PLAN = {
  inputs: [{ dimension: 1, element: padElement("INT32", PAD)!, isMask: false }, undefined],
  lengthInput: 0,
  buckets: bucketLengths(2, 40, 1.5),
  maxBatchTokens: MAX_TOKENS,
};

const validate = createValidate(
  { inputs: [specOf("ids", [-1, -1, 2]), specOf("scale", [-1])], outputs: [specOf("y", []), specOf("sum", [])] },
  { batched: true, textOnly: true, maxRows: Infinity, padding: PLAN },
  { maxRequestRows: 1000, maxStringElements: 1000 },
);

/** One run: rows, padded length, and how to end it. */
export interface PaddedRun {
  readonly rows: number;
  readonly length: number;
  /** Lengths of the requests that ride in it. */
  readonly lengths: readonly number[];
  finish(): void;
  fail(): void;
}

/**
 * A model that works on the slot as onnxruntime does: `y` [rows, length, 2] is the ids times the row's scale, `sum` [rows] the sum of what is
 * not padding.
 */
function instanceOf(runs: PaddedRun[]): Instance {
  const slot = new Slot();
  return {
    lane: createLane(),
    run: (parts, rows) => {
      const outcome = compute(slot, parts, rows);
      const length = outcome.outputs[0]!.shape[1]!;
      return new Promise((resolve, reject) => {
        runs.push({
          rows,
          length,
          lengths: parts.map(({ request }) => request.padding!.length),
          finish: () => resolve(outcome),
          fail: () => reject(new RunFailure("no", false)),
        });
      });
    },
  };
}

function compute(slot: Slot, parts: readonly BatchPart[], rows: number): BatchOutcome {
  const cut = parts.map(({ request, firstRow, rows: count }) =>
    request.inputs.map(({ bytes }) => {
      const rowBytes = bytes.byteLength / request.rows;
      return bytes.subarray(firstRow * rowBytes, (firstRow + count) * rowBytes);
    }),
  );
  const [ids, scale] = fillSlot(slot, parts, cut, rows, { batched: true, reshapes: NO_RESHAPES, padding: PLAN }).map(
    ({ offset, byteLength, dims }) => ({ dims, values: [...new Int32Array(slot.buffer.slice(offset, offset + byteLength))] }),
  );
  const length = ids!.dims[1]!;
  const rowOf = (i: number): number => Math.floor(i / (2 * length));
  const sums = Array.from({ length: rows }, (_, row) =>
    ids!.values.slice(2 * length * row, 2 * length * (row + 1)).reduce((sum, id) => sum + (id === PAD ? 0 : id), 0),
  );
  const y = ids!.values.map((id, i) => id * scale!.values[rowOf(i)]!);
  return { outputs: [block(ids!.dims, y), block([rows], sums)], runMs: 1 };
}

function block(shape: readonly number[], values: readonly number[]): OutputBlock {
  return { dtype: "INT32", shape, bytes: bytesOf(values) };
}

function bytesOf(values: readonly number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}

/** A request. */
export interface Caller {
  readonly rows: number;
  readonly length: number;
}

const calls = new Set<Call>();

/** Ends every call that a test left open, so that no timer outlives it. */
export function endPaddedCalls(): void {
  for (const call of calls) call.finish();
  calls.clear();
}

/** An engine over such a model. */
export function paddedEngine(runs: PaddedRun[], options: Partial<QueueOptions> = {}, clock?: Clock): Engine {
  const padding = { maxBatchTokens: MAX_TOKENS, outputDims: [[1], []] };
  return createScheduler(clock).createEngine(
    queueOptions([instanceOf(runs)], { maxBatchSize: MAX_ROWS, outputNames: ["y", "sum"], padding, ...options }),
  );
}

/** @param seed no two callers have the same values. */
export function submitPadded(engine: Engine, { rows, length }: Caller, seed: number, deadline = Infinity): Promise<EngineResult> {
  const call = new Call(deadline);
  calls.add(call);
  const ids = Array.from({ length: rows * length * 2 }, (_, i) => seed * 1000 + i + 1);
  const scale = Array.from({ length: rows }, (_, row) => seed + row + 1);
  return engine.submit(validate({ ...REQUEST, inputs: [tensorOf("scale", [rows], scale), tensorOf("ids", [rows, length, 2], ids)] }), call);
}

/** Whether these are the answers of this caller. */
export function expectOwn({ outputs }: EngineResult, { rows, length }: Caller, seed: number): void {
  const [y, sum] = outputs;
  expect([y!.shape, sum!.shape]).toEqual([[rows, length, 2], [rows]]);
  const ids = Array.from({ length: rows * length * 2 }, (_, i) => seed * 1000 + i + 1);
  const rowOf = (i: number): number => Math.floor(i / (2 * length));
  expect([...new Int32Array(y!.bytes.slice().buffer)]).toEqual(ids.map((id, i) => id * (seed + rowOf(i) + 1)));
  const sums = Array.from({ length: rows }, (_, row) => ids.filter((_id, i) => rowOf(i) === row).reduce((total, id) => total + id, 0));
  expect([...new Int32Array(sum!.bytes.slice().buffer)]).toEqual(sums);
}

const REQUEST = {
  model: "m",
  version: "",
  requestId: "",
  outputs: [],
  classCounts: [],
  priority: 0,
  queueTimeoutMs: 0,
  problem: undefined,
};

function tensorOf(name: string, shape: readonly number[], values: readonly number[]): Tensor {
  return { name, dtype: "INT32", shape, bytes: bytesOf(values), problem: undefined };
}

function specOf(name: string, dims: readonly number[]): TensorSpec {
  return { name, dtype: "INT32", dims: dims.map((size) => ({ size, symbol: "" })), description: "", columns: [], labels: [] };
}
