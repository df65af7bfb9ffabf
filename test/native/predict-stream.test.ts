// PredictStream: chunks in row order with progress, the first before the last batch starts, and no faster than its reader.

import { Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "@jest/globals";

import type { PredictStreamResponse } from "../../generated/predictd/v1/prediction.ts";
import { readAll, request } from "../support/clients.ts";
import { double, gather, identity, slow } from "../support/models.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { floatsOf, fp32, int64, shapeOf } from "../support/wire-tensors.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    models: {
      "double.onnx": double(),
      "slow.onnx": slow(),
      "gather.onnx": gather(),
      "fixed.onnx": identity("float", [2, 4]),
    },
    flags: ["--max-batch-size", "16"],
  });
});
afterAll(() => server?.stop());

const counted = (rows: number, width: number) => [...Array(rows * width).keys()];
const numbers = (rows: number, width: number) => request("double", [fp32("X", [rows, width], counted(rows, width))]);

test.each([
  [100, 0, [16, 16, 16, 16, 16, 16, 4]],
  [100, 16, [16, 16, 16, 16, 16, 16, 4]],
  [100, 1000, [16, 16, 16, 16, 16, 16, 4]],
  [10, 3, [3, 3, 3, 1]],
  [1, 5, [1]],
])("%i rows in chunks of %i", async (rows, chunkRows, sizes) => {
  const { chunks, failure } = await server.predictStream(numbers(rows, 2), chunkRows);

  expect(failure).toBeUndefined();
  expect(chunks.map(({ response }) => shapeOf(response?.outputs[0])[0])).toEqual(sizes);
  expect(chunks.flatMap(({ response }) => floatsOf(response?.outputs[0]))).toEqual(counted(rows, 2).map((value) => 2 * value));
  let done = 0;
  for (const [i, chunk] of chunks.entries()) {
    expect(chunk.firstRow).toBe(BigInt(done));
    done += sizes[i]!;
    expect([chunk.rowsDone, chunk.rowsTotal]).toEqual([BigInt(done), BigInt(rows)]);
  }
});

test("a model without batching answers in one chunk", async () => {
  const values = counted(2, 4);
  const { chunks } = await server.predictStream(request("fixed", [fp32("X", [2, 4], values)]), 1);

  expect(chunks).toHaveLength(1);
  expect(floatsOf(chunks[0]?.response?.outputs[0])).toEqual(values);
});

test("the first chunk comes long before the last batch has run", async () => {
  const rows = 40;
  const stepsEach = 200;
  const call = server.prediction.predictStream({
    request: request("slow", [
      fp32(
        "X",
        [rows, 2],
        counted(rows, 2).map((i) => (i % 2 ? i : stepsEach)),
      ),
    ]),
    chunkRows: 1,
  });
  const arrivals: number[] = [];
  const startedAt = performance.now();
  call.on("data", () => arrivals.push(performance.now() - startedAt));
  await readAll(call);

  expect(arrivals).toHaveLength(rows);
  expect(arrivals[0]).toBeLessThan(arrivals.at(-1)! / 4);
});

test("a failing chunk ends the stream with its status; the chunks before it stay valid", async () => {
  const indices = counted(64, 1).map((i) => i % 10);
  const { chunks, failure } = await server.predictStream(request("gather", [int64("INDEX", [64], indices.with(40, 99))]), 16);

  expect(failure).toMatchObject({ code: "INVALID_ARGUMENT", reason: "MODEL_REJECTED_INPUT" });
  expect(chunks.length).toBeLessThanOrEqual(2);
  chunks.forEach(({ firstRow, response }) => expect(floatsOf(response?.outputs[0])[0]).toBe(indices[Number(firstRow)]));
});

test("a reader that stops, stops the server too; when it goes on nothing is missing", async () => {
  const rows = 3200;
  const width = 1000;
  const before = await batches();
  const call = server.prediction.predictStream({ request: numbers(rows, width), chunkRows: 16 }, new Metadata());
  const first = await new Promise<PredictStreamResponse>((resolve, reject) => {
    call.on("error", reject);
    call.once("data", (chunk: PredictStreamResponse) => {
      call.pause();
      resolve(chunk);
    });
  });
  expect(first.firstRow).toBe(0n);
  // 200 batches, were it not for the reader. Other calls on other connections show that the server itself is at leisure.
  const other = server.connect();
  for (let i = 0; i < 100; i++) expect((await other.predict(numbers(1, 2))).failure).toBeUndefined();
  const submitted = (await batches()) - before - 100;
  expect(submitted).toBeLessThan(100);

  const { chunks, failure } = await readAll(call);
  expect(failure).toBeUndefined();
  expect(chunks.at(-1)?.rowsDone).toBe(BigInt(rows));
  expect(chunks.reduce((sum, { response }) => sum + shapeOf(response?.outputs[0])[0]!, 16)).toBe(rows);
});

async function batches(): Promise<number> {
  const model = (await server.listModels()).find(({ name }) => name === "double");
  return Number(model?.versions[0]?.statistics?.batchCount);
}

test("a caller that leaves stops the work", async () => {
  const controller = new AbortController();
  const rows = 1000;
  const outcome = server.predictStream(
    request("slow", [
      fp32(
        "X",
        [rows, 2],
        counted(rows, 2).map((i) => (i % 2 ? i : 100)),
      ),
    ]),
    1,
    { signal: controller.signal },
  );
  const fresh = server.connect();
  await fresh.predict(request("slow", [fp32("X", [1, 2], [1, 0])]));
  controller.abort();
  expect((await outcome).failure?.code).toBe("CANCELLED");

  // 10 s of work, were it still going on.
  expect((await fresh.predict(request("slow", [fp32("X", [1, 2], [1, 0])]), { timeoutMs: 2000 })).failure).toBeUndefined();
});
