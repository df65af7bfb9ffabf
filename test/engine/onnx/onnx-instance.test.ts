// How requests are laid out for a worker and how its answers are read, without a worker.

import { expect, test } from "@jest/globals";
import type { EngineRequest } from "../../../src/engine/engine.ts";
import { createOnnxInstance } from "../../../src/engine/onnx/onnx-instance.ts";
import type { OutputPlace } from "../../../src/engine/onnx/protocol.ts";
import type { Reshapes } from "../../../src/engine/onnx/reshape.ts";
import { NO_RESHAPES } from "../../../src/engine/onnx/reshape.ts";
import { Slot } from "../../../src/engine/onnx/slot.ts";
import { encodeStrings } from "../../../src/engine/onnx/strings.ts";
import type { WorkerLane } from "../../../src/engine/onnx/worker-lane.ts";
import type { DType } from "../../../src/tensor/dtype.ts";

/** An instance whose worker answers with this output. */
function instanceOf(dtype: DType, answer: OutputPlace, reshapes: Reshapes = NO_RESHAPES) {
  const spec = { name: "y", dtype, dims: [], description: "", columns: [], labels: [] };
  const slot = new Slot();
  const filled: Buffer[] = [];
  const worker = {
    run(_session: number, _outputs: readonly number[], fill: Parameters<WorkerLane["run"]>[2]) {
      for (const { offset, byteLength } of fill(slot)) filled.push(Buffer.from(new Uint8Array(slot.buffer, offset, byteLength)));
      return Promise.resolve({ id: 0, type: "ran", outputs: [answer], runMs: 0 });
    },
  } as unknown as WorkerLane; // only `run` is asked for
  const signature = { inputs: [], outputs: [spec] };
  return {
    instance: createOnnxInstance({
      worker,
      session: 0,
      device: undefined,
      tokens: 1,
      signature,
      runtimeOutputs: [0],
      reshapes,
      batched: true,
    }),
    filled,
  };
}

function requestOf(dtype: DType, rows: number, bytes: Uint8Array): EngineRequest {
  const input = { name: "x", dtype, shape: [rows, 1], bytes, problem: undefined };
  return { inputs: [input], rows, shapeKey: "", outputs: [0], priority: 0, queueTimeoutMs: 0 };
}

test("texts of a request that runs in many parts are not read anew for every part", async () => {
  const rows = 30_000;
  const texts = Array.from({ length: rows }, (_, row) => String(row));
  const request = requestOf("STRING", rows, encodeStrings(texts));
  const { instance, filled } = instanceOf("STRING", { dims: [1, 1], bytes: encodeStrings([""]) });
  const started = performance.now();
  for (let firstRow = 0; firstRow < rows; firstRow++) await instance.run([{ request, firstRow, rows: 1 }], 1, [0]);
  // Reading all of them for each took half a minute.
  expect(performance.now() - started).toBeLessThan(5000);
  expect(filled[29_999]!.toString("utf8", 4)).toBe("29999");
  expect(filled.length).toBe(rows);
});

test.each([
  ["more elements than its shape", [5], [2, 2]],
  ["fewer", [0], [2, 2]],
  ["elements that fill no whole rows of a free length", [5], [-1, 2]],
])("an output of %s is a failed run, not an answer whose shape and elements differ", async (_, given, shown) => {
  const answer = { dims: [1, ...given], bytes: new Uint8Array(4 * given[0]!) };
  const { instance } = instanceOf("FP32", answer, { hasRows: true, inputs: [undefined], outputs: [shown] });
  const run = instance.run([{ request: requestOf("FP32", 1, new Uint8Array(4)), firstRow: 0, rows: 1 }], 1, [0]);
  await expect(run).rejects.toThrow(/cannot be shown as/);
});

test("an output without elements can be shown with a free length", async () => {
  const answer = { dims: [1, 0], bytes: new Uint8Array(0) };
  const { instance } = instanceOf("FP32", answer, { hasRows: true, inputs: [undefined], outputs: [[-1, 2]] });
  const { outputs } = await instance.run([{ request: requestOf("FP32", 1, new Uint8Array(4)), firstRow: 0, rows: 1 }], 1, [0]);
  expect(outputs[0]!.shape).toEqual([1, 0, 2]);
});

test("a run with more rows than its parts repeats the last row, texts too", async () => {
  const { instance, filled } = instanceOf("STRING", { dims: [5, 1], bytes: encodeStrings(["", "", "", "", ""]) });
  const first = requestOf("STRING", 1, encodeStrings(["first"]));
  const second = requestOf("STRING", 4, encodeStrings(["not", "these", "two", "either"]));
  await instance.run(
    [
      { request: first, firstRow: 0, rows: 1 },
      { request: second, firstRow: 1, rows: 2 },
    ],
    5,
    [0],
  );
  expect(filled).toEqual([Buffer.from(encodeStrings(["first", "these", "two", "two", "two"]))]);
});
