// Messages around `maxMessageBytes`: the last byte that fits is served, the next one is refused with details, compressed or not.

import { deflateSync, gzipSync } from "node:zlib";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import {
  PredictRequest,
  PredictResponse,
  PredictSessionRequest,
  PredictStreamRequest,
  PredictUploadRequest,
} from "../../generated/predictd/v1/prediction.ts";
import { request } from "../support/clients.ts";
import { double, gather } from "../support/models.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import type { RawConnection } from "../support/raw-h2.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { WAYS } from "../support/ways.ts";
import type { Way } from "../support/ways.ts";
import { fp32, int64, raw, shapeOf } from "../support/wire-tensors.ts";

const MAX = 100_000;
const PREDICT = "/predictd.v1.PredictionService/Predict";

let server: TestServer;
let connection: RawConnection;
beforeAll(async () => {
  server = await startServer({ models: { "double.onnx": double(), "gather.onnx": gather() }, flags: ["--max-message-bytes", String(MAX)] });
  connection = connectRaw(server.address);
});
afterAll(async () => {
  connection?.close();
  await server?.stop();
});

/** A request of exactly so many bytes: the request id takes what a row of floats leaves. */
function requestOf(size: number) {
  for (let idLength = 1; idLength <= 8; idLength++) {
    const requestId = "i".repeat(idLength);
    const empty = PredictRequest.encode(request("double", [fp32("X", [1, size >> 2], [])], { requestId })).finish().length;
    const elements = (size - empty - 4) >> 2;
    const message = request("double", [raw("X", "FP32", [1, elements], new Uint8Array(4 * elements))], { requestId });
    if (PredictRequest.encode(message).finish().length === size) return message;
  }
  throw new Error(`no request has exactly ${size} bytes`);
}

const encode = (size: number) => PredictRequest.encode(requestOf(size)).finish();
const tooLarge = { code: "RESOURCE_EXHAUSTED", reason: "MESSAGE_TOO_LARGE", domain: "predictd" };

async function expectGood(): Promise<void> {
  const { status, messages } = await connection.call(PREDICT, { body: frame(encode(1000)) }).answer;
  expect(status.code).toBe("OK");
  expect(shapeOf(PredictResponse.decode(messages[0]!).outputs[0])[0]).toBe(1);
}

test("a message exactly at the limit is answered", async () => {
  const { response } = await server.predict(requestOf(MAX));

  expect(shapeOf(response?.outputs[0])[0]).toBe(1);
});

test("one byte more is refused Trailers-Only, with details", async () => {
  const { status, trailersOnly } = await connection.call(PREDICT, { body: frame(encode(MAX + 1)) }).answer;

  expect(status).toMatchObject(tooLarge);
  expect(status.metadata).toMatchObject({ maxMessageBytes: String(MAX) });
  expect(trailersOnly).toBe(true);
  await expectGood();
});

test("a declared 4 GB is refused from its prefix, before a byte of it has come", async () => {
  const call = connection.call(PREDICT, { body: frame(new Uint8Array(0), { length: 2 ** 32 - 1 }), end: false });

  expect((await call.answer).status).toMatchObject(tooLarge);
  await expectGood();
});

test.each(Object.keys(WAYS) as Way[])("an answer over the limit is refused by %s", async (way) => {
  // Three floats for each index of 8 bytes.
  const rows = 10_000;
  const { failure } = await WAYS[way](
    server,
    request("gather", [
      int64(
        "INDEX",
        [rows],
        Array.from({ length: rows }, () => 1),
      ),
    ]),
  );

  // A stream of chunks has small answers.
  if (way === "PredictStream") expect(failure).toBeUndefined();
  else expect(failure).toMatchObject({ ...tooLarge, metadata: { stage: "postprocess", maxMessageBytes: String(MAX) } });
  await expectGood();
});

describe("every method refuses a message over the limit", () => {
  test.each([
    ["PredictStream", () => PredictStreamRequest.encode({ request: requestOf(MAX + 100), chunkRows: 0 })],
    [
      "PredictSession",
      () =>
        PredictSessionRequest.encode({ message: { $case: "predict", value: { id: "1", request: requestOf(MAX + 100), timeoutMs: 0 } } }),
    ],
    ["PredictUpload", () => PredictUploadRequest.encode({ part: { $case: "chunk", value: new Uint8Array(MAX) } })],
  ])("%s", async (method, build) => {
    const path = `/predictd.v1.PredictionService/${method}`;
    const { status } = await connection.call(path, { body: frame(build().finish()), end: false }).answer;

    expect(status).toMatchObject(tooLarge);
    await expectGood();
  });
});

describe.each([
  ["gzip", gzipSync],
  ["deflate", deflateSync],
] as const)("%s", (encoding, compress) => {
  const sendCompressed = (body: Uint8Array) =>
    connection.call(PREDICT, { headers: { "grpc-encoding": encoding }, body: frame(body, { flag: 1 }) }).answer;
  const send = (message: Uint8Array) => sendCompressed(compress(message));

  test("a request is answered", async () => {
    expect((await send(encode(5000))).status.code).toBe("OK");
  });

  test("a message exactly at the limit once inflated is answered", async () => {
    expect((await send(encode(MAX))).status.code).toBe("OK");
  });

  test("one that inflates to one byte more is refused", async () => {
    expect((await send(encode(MAX + 1))).status).toMatchObject(tooLarge);
    await expectGood();
  });

  test("a bomb of 1000 to 1 is refused without inflating it", async () => {
    const bomb = compress(new Uint8Array(64 * 1024 * 1024));
    const answers = await Promise.all(Array.from({ length: 20 }, () => sendCompressed(bomb)));

    for (const { status } of answers) expect(status).toMatchObject(tooLarge);
    await expectGood();
  });

  test("bytes that do not inflate are refused", async () => {
    const { status } = await sendCompressed(Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]));

    expect(status).toMatchObject({ code: "INVALID_ARGUMENT", reason: "MESSAGE_MALFORMED" });
    await expectGood();
  });
});
