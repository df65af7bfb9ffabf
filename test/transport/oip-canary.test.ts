// Buffers are used again: under a storm of cancels no answer may hold a byte that belongs to another request.

import { constants } from "node:http2";
import { gzipSync } from "node:zlib";

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { ModelInferRequest, ModelInferResponse, ModelStreamInferResponse } from "../../generated/inference/grpc_service.ts";
import { double } from "../support/models.ts";
import { fp32Input, inferRequest } from "../support/oip-client.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import type { RawConnection } from "../support/raw-h2.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";

const SERVICE = "/inference.GRPCInferenceService";
const MS = 3000;
/** Elements, from messages within one frame to those in buffers that are used again. */
const SIZES = [3, 100, 4000, 9000, 20_000, 70_000];
const sizeOf = (value: number): number => SIZES[value % SIZES.length]!;

let server: TestServer;
let connections: readonly RawConnection[];
beforeAll(async () => {
  // One worker, so that requests wait and share batches.
  server = await startServer({
    models: { "double/model.onnx": double(), "double/model.yaml": "instances: 1\n" },
    flags: ["--max-workers", "1", "--log-sample-ratio", "0"],
  });
  connections = Array.from({ length: 3 }, () => connectRaw(server.address));
});
afterAll(async () => {
  for (const connection of connections) connection.close();
  await server?.stop();
});

/** A request that is filled with its own number; every third one has it as typed contents. */
function message(value: number): Buffer {
  const size = sizeOf(value);
  const values = new Float32Array(size).fill(value);
  const request = inferRequest("double", String(value), [fp32Input("X", [1, size], values)]);
  if (value % 3 !== 0) return Buffer.from(ModelInferRequest.encode(request).finish());
  const [input] = request.inputs;
  const contents = ModelInferRequest.fromPartial({ inputs: [{ contents: { fp32Contents: [...values] } }] }).inputs[0]?.contents;
  return Buffer.from(ModelInferRequest.encode({ ...request, inputs: [{ ...input!, contents }], rawInputContents: [] }).finish());
}

/** What is wrong with an answer; "" for nothing. */
function flaw(value: number, { id, rawOutputContents: [raw] }: ModelInferResponse): string {
  if (id !== String(value)) return `request ${value} got the answer of ${id}`;
  const floats = new Float32Array(Uint8Array.from(raw ?? []).buffer);
  if (floats.length !== sizeOf(value)) return `request ${value} got ${floats.length} elements`;
  const foreign = floats.find((element) => element !== 2 * value);
  return foreign === undefined ? "" : `request ${value} got ${foreign}`;
}

test("ModelInfer and ModelStreamInfer, raw, typed and compressed, every other call cancelled", async () => {
  const flaws: string[] = [];
  let answered = 0;
  let cancelled = 0;
  let last = 0;
  const until = performance.now() + MS;
  const check = (value: number, response: ModelInferResponse): void => {
    answered++;
    const why = flaw(value, response);
    if (why !== "") flaws.push(why);
  };

  const callOnce = async (connection: RawConnection, values: readonly number[]): Promise<void> => {
    const [first] = values as readonly [number];
    const isStream = values.length > 1;
    const isCompressed = first % 7 === 0;
    const body = values.map(message).map((bytes) => (isCompressed ? frame(gzipSync(bytes, { level: 1 }), { flag: 1 }) : frame(bytes)));
    const { stream, answer } = connection.call(`${SERVICE}/${isStream ? "ModelStreamInfer" : "ModelInfer"}`, {
      headers: isCompressed ? { "grpc-encoding": "gzip" } : {},
      body: Buffer.concat(body),
    });
    if (first % 2 === 0) setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), first % 13);
    const { status, messages, resetCode } = await answer;
    if (resetCode !== 0) {
      cancelled++;
      return;
    }
    expect(status.code).toBe("OK");
    for (const [i, bytes] of messages.entries()) {
      if (!isStream) check(values[i]!, ModelInferResponse.decode(bytes));
      else check(values[i]!, ModelStreamInferResponse.decode(bytes).inferResponse!);
    }
  };
  const keepCalling = async (connection: RawConnection, requests: number): Promise<void> => {
    while (performance.now() < until)
      await callOnce(
        connection,
        Array.from({ length: requests }, () => ++last),
      );
  };
  await Promise.all(
    connections.flatMap((connection) => [...Array<number>(12).fill(1), 9, 9].map((count) => keepCalling(connection, count))),
  );

  expect(flaws).toEqual([]);
  expect(answered).toBeGreaterThan(100);
  expect(cancelled).toBeGreaterThan(100);
});
