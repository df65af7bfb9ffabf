// Bytes that are not what a method takes: refused as the caller's fault, with a reason, and the connection lives on.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { PredictRequest } from "../../generated/predictd/v1/prediction.ts";
import { request } from "../support/clients.ts";
import { identity } from "../support/models.ts";
import { connectRaw, frame } from "../support/raw-h2.ts";
import type { RawConnection } from "../support/raw-h2.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { fp32, text } from "../support/wire-tensors.ts";

const PREDICTION = "/predictd.v1.PredictionService";
const GOOD = PredictRequest.encode(request("floats", [fp32("X", [1, 4], [1, 2, 3, 4])])).finish();
const UNARY = [`${PREDICTION}/Predict`, "/predictd.v1.ModelService/GetModel"];
const TAKES_ONE = [...UNARY, `${PREDICTION}/PredictStream`];
const ALL = [...TAKES_ONE, `${PREDICTION}/PredictSession`, `${PREDICTION}/PredictUpload`];

let server: TestServer;
let connection: RawConnection;
beforeAll(async () => {
  server = await startServer({ models: { "floats.onnx": identity("float"), "words.onnx": identity("string", ["N", 2]) } });
  connection = connectRaw(server.address);
});
afterAll(async () => {
  connection?.close();
  await server?.stop();
});

const answerTo = (path: string, body: Uint8Array, headers = {}) => connection.call(path, { body, headers }).answer;

async function expectGood(): Promise<void> {
  expect((await answerTo(`${PREDICTION}/Predict`, frame(GOOD))).status.code).toBe("OK");
}

describe.each(ALL)("%s", (path) => {
  test.each([
    ["an unfinished field", [0x0a, 0x7f, 0x61]],
    ["a wire type that does not exist", [0x0f]],
    ["a varint without end", [0x08, ...Array<number>(11).fill(0xff)]],
    ["noise", [...Array(64).keys()].map((i) => (i * 151 + 7) % 256)],
  ])("%s is not a message", async (_what, bytes) => {
    const { status, httpStatus } = await answerTo(path, frame(Uint8Array.from(bytes)));

    expect(httpStatus).toBe(200);
    expect(status).toMatchObject({ code: "INVALID_ARGUMENT", reason: "MESSAGE_MALFORMED", domain: "predictd" });
    await expectGood();
  });

  test("a stream that ends inside a message", async () => {
    const { status } = await answerTo(path, frame(GOOD).subarray(0, 12));

    expect(status).toMatchObject({ code: "INVALID_ARGUMENT", reason: "MESSAGE_MALFORMED" });
    await expectGood();
  });

  test("a message that says it is compressed where nothing names the encoding", async () => {
    const { status } = await answerTo(path, frame(GOOD, { flag: 1 }));

    expect(status).toMatchObject({ code: "INVALID_ARGUMENT", reason: "MESSAGE_MALFORMED" });
    await expectGood();
  });

  test("an encoding that nobody announced", async () => {
    const { status, trailers } = await answerTo(path, frame(GOOD, { flag: 1 }), { "grpc-encoding": "br" });

    expect(status).toMatchObject({ code: "UNIMPLEMENTED", reason: "ENCODING_UNSUPPORTED" });
    expect(String(trailers["grpc-accept-encoding"])).toMatch(/gzip/);
    await expectGood();
  });
});

test.each([...TAKES_ONE, `${PREDICTION}/PredictUpload`])("%s without a message", async (path) => {
  const { status, trailersOnly } = await connection.call(path, { end: true }).answer;

  expect(status).toMatchObject({ code: "INVALID_ARGUMENT", reason: "MESSAGE_MISSING" });
  expect(trailersOnly).toBe(true);
});

test("a session without a message ends with OK", async () => {
  const { status, messages } = await connection.call(`${PREDICTION}/PredictSession`, { end: true }).answer;

  expect(status.code).toBe("OK");
  expect(messages).toHaveLength(0);
});

test.each(UNARY)("%s with two messages", async (path) => {
  const { status } = await answerTo(path, Buffer.concat([frame(GOOD), frame(GOOD)]));

  expect(status).toMatchObject({ code: "INVALID_ARGUMENT", reason: "MESSAGE_UNEXPECTED" });
  await expectGood();
});

test("text that is not UTF-8 is refused, not replaced", async () => {
  const message = Buffer.from(PredictRequest.encode(request("words", [text("X", [1, 2], ["one", "##"])])).finish());
  message.write("\xff\xfe", message.lastIndexOf("##"), "latin1");
  const { status } = await answerTo(`${PREDICTION}/Predict`, frame(message));

  expect(status.code).toBe("INVALID_ARGUMENT");
  expect(["INPUT_VALUE_INVALID", "MESSAGE_MALFORMED"]).toContain(status.reason);
  await expectGood();
});

describe("nothing of ours", () => {
  test.each([
    ["method", `${PREDICTION}/Nothing`],
    ["service", "/nobody.v1.Nothing/Predict"],
    ["path", "/"],
  ])("an unknown %s is UNIMPLEMENTED with a reason", async (_what, path) => {
    const { status, trailersOnly } = await answerTo(path, frame(GOOD));

    expect(status).toMatchObject({ code: "UNIMPLEMENTED", reason: "METHOD_UNKNOWN" });
    expect(trailersOnly).toBe(true);
  });

  test.each(["text/plain", "application/json", "application/grpc-web"])("content-type %s is HTTP 415", async (contentType) => {
    const { httpStatus } = await answerTo(`${PREDICTION}/Predict`, frame(GOOD), { "content-type": contentType });

    expect(httpStatus).toBe(415);
    await expectGood();
  });
});
