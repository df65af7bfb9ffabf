// PredictUpload: one large input in chunks, with its size declared and checked.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import type { UploadHeader } from "../../generated/predictd/v1/prediction.ts";
import { request, unary } from "../support/clients.ts";
import { identity, sumAndDifference } from "../support/models.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { floatsOf, fp32, raw, text } from "../support/wire-tensors.ts";

const MAX_UPLOAD = 4_000_000;

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    models: { "sum.onnx": sumAndDifference(["N", "W"]), "words.onnx": identity("string") },
    flags: ["--max-upload-bytes", String(MAX_UPLOAD), "--max-message-bytes", "1000000"],
  });
});
afterAll(() => server?.stop());

const empty = new Uint8Array(0);
const values = [1, 2, 3, 4, 5, 6];
const bytes = fp32("", [], values).raw;

function header(change: Partial<UploadHeader> = {}): UploadHeader {
  const inputs = [raw("A", "FP32", [2, 3], empty), fp32("B", [2, 3], [10, 20, 30, 40, 50, 60])];
  return { request: request("sum", inputs), input: "A", totalBytes: 24n, ...change };
}

test.each([
  ["one chunk", [bytes]],
  ["bytes one by one", [...bytes].map((byte) => Uint8Array.of(byte))],
  ["chunks that split elements, and empty ones", [bytes.subarray(0, 5), empty, bytes.subarray(5, 6), bytes.subarray(6), empty]],
])("%s", async (_what, chunks) => {
  const { response, failure } = await server.upload(header(), chunks);

  expect(failure).toBeUndefined();
  expect(floatsOf(response?.outputs[0])).toEqual([11, 22, 33, 44, 55, 66]);
});

test("an upload of exactly maxUploadBytes, larger than any message", async () => {
  const count = MAX_UPLOAD / 4;
  const all = new Uint8Array(Float32Array.from({ length: count }, (_, i) => i).buffer);
  const inputs = [raw("A", "FP32", [2, count / 2], empty), raw("B", "FP32", [2, count / 2], empty)];
  const chunks = Array.from({ length: 10 }, (_, i) => all.subarray((i * MAX_UPLOAD) / 10, ((i + 1) * MAX_UPLOAD) / 10));
  // B would have to be in the header, which is a message: a smaller one proves the same.
  const { failure } = await server.upload({ request: request("sum", inputs), input: "A", totalBytes: BigInt(MAX_UPLOAD) }, chunks);

  expect(failure).toMatchObject({ reason: "INPUT_SIZE_MISMATCH", violations: [{ field: 'inputs["B"].raw' }] });
});

describe("refused", () => {
  const mismatch = { code: "INVALID_ARGUMENT", reason: "UPLOAD_SIZE_MISMATCH" };
  const invalid = { code: "INVALID_ARGUMENT" };
  test.each([
    ["shorter than declared", header(), [bytes.subarray(0, 23)], mismatch],
    ["without a chunk", header(), [], mismatch],
    ["longer than declared", header(), [bytes, Uint8Array.of(1)], mismatch],
    ["declared shorter than its shape", header({ totalBytes: 20n }), [bytes.subarray(0, 20)], invalid],
    ["declared longer than its shape", header({ totalBytes: 28n }), [bytes, bytes.subarray(0, 4)], invalid],
    [
      "declared beyond the limit",
      header({ totalBytes: BigInt(MAX_UPLOAD) + 1n }),
      [],
      { code: "RESOURCE_EXHAUSTED", reason: "UPLOAD_TOO_LARGE" },
    ],
    ["declared beyond all numbers", header({ totalBytes: 2n ** 64n - 1n }), [], { code: "RESOURCE_EXHAUSTED", reason: "UPLOAD_TOO_LARGE" }],
    ["of an input that is not in the request", header({ input: "C" }), [bytes], { ...invalid, violations: [{ field: "header.input" }] }],
    ["of nothing", header({ input: "" }), [bytes], { ...invalid, violations: [{ field: "header.input" }] }],
    ["without a request", header({ request: undefined }), [bytes], invalid],
    [
      "with the data in the header too",
      header({ request: request("sum", [fp32("A", [2, 3], values), fp32("B", [2, 3], values)]) }),
      [bytes],
      invalid,
    ],
    ["of text", { request: request("words", [text("X", [1, 4], [])]), input: "X", totalBytes: 4n }, [empty], invalid],
    ["of a model that is not there", header({ request: request("nobody", []) }), [bytes], { code: "NOT_FOUND", reason: "MODEL_NOT_FOUND" }],
    ["without a header", undefined, [bytes], { ...invalid, reason: "MESSAGE_UNEXPECTED" }],
  ])("%s", async (_what, head, chunks, expected) => {
    const { failure, response } = await server.upload(head, chunks);

    expect(response).toBeUndefined();
    expect(failure).toMatchObject(expected);
    expect(floatsOf((await server.upload(header(), [bytes])).response?.outputs[0])).toEqual([11, 22, 33, 44, 55, 66]);
  });

  test("a second header", async () => {
    const { failure } = await unary((done) => {
      const call = server.prediction.predictUpload(done);
      for (let i = 0; i < 2; i++) call.write({ part: { $case: "header", value: header() } });
      call.end();
    });

    expect(failure).toMatchObject({ ...invalid, reason: "MESSAGE_UNEXPECTED" });
  });

  test("too many bytes, at once and not when the caller has finished", async () => {
    const { failure } = await unary((done) => {
      const call = server.prediction.predictUpload(done);
      call.on("error", () => {});
      call.write({ part: { $case: "header", value: header() } });
      call.write({ part: { $case: "chunk", value: bytes } });
      call.write({ part: { $case: "chunk", value: bytes } });
    });

    expect(failure).toMatchObject(mismatch);
  });
});
