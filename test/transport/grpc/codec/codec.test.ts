import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import {
  PredictRequest,
  PredictResponse,
  PredictSessionRequest,
  PredictSessionResponse,
  PredictStreamRequest,
  PredictStreamResponse,
  PredictUploadRequest,
} from "../../../../generated/predictd/v1/prediction.ts";
import type { PredictResponse as DomainResponse } from "../../../../src/predict/request.ts";
import { DTYPE_BY_NUMBER } from "../../../../src/tensor/dtype.ts";
import type { Tensor as DomainTensor } from "../../../../src/tensor/tensor.ts";
import { decodePredictRequest, encodePredictResponse, predictResponseSize } from "../../../../src/transport/grpc/codec/predict-codec.ts";
import { DecodeError } from "../../../../src/transport/grpc/codec/reader.ts";
import {
  decodePredictSessionRequest,
  decodePredictStreamRequest,
  decodePredictUploadRequest,
  encodePredictStreamResponse,
  encodeSessionDrain,
  encodeSessionResult,
  predictStreamResponseSize,
  sessionDrainSize,
  sessionResultSize,
} from "../../../../src/transport/grpc/codec/stream-codec.ts";
import { Writer } from "../../../../src/transport/grpc/codec/writer.ts";
import { encodeUnusually, predictRequest, tensor, unknownField } from "./arbitraries.ts";

function lengthPrefixed(strings: readonly string[]): Buffer {
  return Buffer.concat(
    strings.map((text) => {
      const bytes = Buffer.from(text, "utf8");
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.byteLength);
      return Buffer.concat([length, bytes]);
    }),
  );
}

/** What our decoder must make of a message that the generated code wrote. */
function toDomain(request: PredictRequest) {
  return {
    model: request.model,
    version: request.version,
    requestId: request.requestId,
    outputs: request.outputs,
    classCounts: [],
    priority: 0,
    queueTimeoutMs: 0,
    problem: undefined,
    inputs: request.inputs.map(({ name, dataType, shape, raw, strings }) => ({
      name,
      dtype: DTYPE_BY_NUMBER[dataType],
      shape: shape.map(Number),
      bytes: dataType === 13 ? lengthPrefixed(strings) : Buffer.from(raw),
      problem: undefined,
    })),
  };
}

/** Buffers and plain Uint8Arrays compare as bytes. */
function plain<T extends { readonly inputs: readonly DomainTensor[] }>(request: T) {
  return { ...request, inputs: request.inputs.map((input) => ({ ...input, bytes: [...input.bytes] })) };
}

function written(size: number, encode: (writer: Writer) => void): Buffer {
  const writer = new Writer(Buffer.alloc(size));
  encode(writer);
  expect(writer.at).toBe(size);
  return writer.buffer;
}

const response: fc.Arbitrary<DomainResponse> = fc.record({
  model: fc.string({ maxLength: 30 }),
  version: fc.constantFrom("1", "12"),
  requestId: fc.string({ unit: "grapheme", maxLength: 10 }),
  outputs: fc.array(
    tensor
      .filter(({ dataType, shape }) => dataType !== 0 && shape.every((dim) => dim >= 0n))
      .map(({ name, dataType, shape, raw, strings }) => ({
        name,
        dtype: DTYPE_BY_NUMBER[dataType],
        shape: shape.map(Number),
        bytes: dataType === 13 ? lengthPrefixed(strings) : raw,
        problem: undefined,
      })),
    { maxLength: 4 },
  ),
  timings: fc.record({
    routeUs: fc.nat(200),
    validateUs: fc.nat(),
    admitUs: fc.constant(0),
    queueUs: fc.maxSafeNat(),
    batchUs: fc.nat(),
    runUs: fc.nat(),
    postprocessUs: fc.nat(),
    totalUs: fc.maxSafeNat(),
  }),
  batchRows: fc.nat(),
});

/** The response as the generated code would hold it. */
function toGenerated({ outputs, timings, ...rest }: DomainResponse): PredictResponse {
  return {
    ...rest,
    outputs: outputs.map(({ name, dtype, shape, bytes }) => ({
      name,
      dataType: DTYPE_BY_NUMBER.indexOf(dtype) as PredictResponse["outputs"][number]["dataType"],
      shape: shape.map(BigInt),
      raw: dtype === "STRING" ? Buffer.alloc(0) : Buffer.from(bytes),
      strings: dtype === "STRING" ? readStrings(Buffer.from(bytes)) : [],
    })),
    timings: Object.fromEntries(
      Object.entries(timings).map(([key, value]) => [key, BigInt(value)]),
    ) as unknown as PredictResponse["timings"],
  };
}

function readStrings(bytes: Buffer): string[] {
  const strings: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32LE(at);
    strings.push(bytes.toString("utf8", at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
}

describe("requests", () => {
  test("what the generated code writes is read the same", () => {
    fc.assert(
      fc.property(predictRequest, (request) => {
        const bytes = Buffer.from(PredictRequest.encode(request).finish());
        expect(plain(decodePredictRequest(bytes))).toEqual(plain(toDomain(request)));
      }),
    );
  });

  test("unknown, repeated, split and unpacked fields are read as the generated code reads them", () => {
    fc.assert(
      fc.property(predictRequest, fc.array(unknownField, { maxLength: 4 }), fc.boolean(), (request, noise, packed) => {
        const bytes = encodeUnusually(request, noise, packed);
        const ours = decodePredictRequest(bytes);
        expect(plain(ours).model).toBe(PredictRequest.decode(bytes).model);
        expect(plain({ ...ours, inputs: ours.inputs.map((input) => ({ ...input, problem: undefined })) })).toEqual(
          plain(toDomain(PredictRequest.decode(bytes))),
        );
      }),
    );
  });

  test("truncated and random bytes are refused or read, never anything else", () => {
    fc.assert(
      fc.property(predictRequest, fc.nat(), fc.uint8Array({ maxLength: 60 }), (request, cut, junk) => {
        const whole = Buffer.from(PredictRequest.encode(request).finish());
        for (const bytes of [whole.subarray(0, cut % (whole.length + 1)), Buffer.from(junk)]) {
          for (const decode of [
            decodePredictRequest,
            decodePredictStreamRequest,
            decodePredictSessionRequest,
            decodePredictUploadRequest,
          ]) {
            try {
              decode(bytes);
            } catch (error) {
              expect(error).toBeInstanceOf(DecodeError);
            }
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test("a field that is longer than its message is refused", () => {
    expect(() => decodePredictRequest(Buffer.from([0x0a, 5, 65]))).toThrow(DecodeError);
    expect(() => decodePredictRequest(Buffer.from([0x22, 3, 0x0a, 5, 65]))).toThrow(DecodeError);
    expect(() => decodePredictRequest(Buffer.from([0x0a, 2, 0xff, 0xfe]))).toThrow("UTF-8");
  });

  test("streaming messages are read the same, and of a oneof the last member wins", () => {
    fc.assert(
      fc.property(predictRequest, fc.nat(), fc.uint8Array({ maxLength: 30 }), (request, number, data) => {
        const stream = decodePredictStreamRequest(Buffer.from(PredictStreamRequest.encode({ request, chunkRows: number }).finish()));
        expect(stream.chunkRows).toBe(number);
        expect(plain(stream.request!)).toEqual(plain(toDomain(request)));

        const predict = PredictSessionRequest.encode({
          message: { $case: "predict", value: { id: "a", request, timeoutMs: number } },
        }).finish();
        const cancel = PredictSessionRequest.encode({ message: { $case: "cancel", value: { id: "b" } } }).finish();
        const read = decodePredictSessionRequest(Buffer.concat([cancel, predict]));
        if (read.kind !== "predict") throw new Error("The last member did not win.");
        expect([read.id, read.timeoutMs]).toEqual(["a", number]);
        expect(plain(read.request!)).toEqual(plain(toDomain(request)));
        expect(decodePredictSessionRequest(Buffer.concat([predict, cancel]))).toEqual({ kind: "cancel", id: "b" });

        const header = PredictUploadRequest.encode({
          part: { $case: "header", value: { request, input: "x", totalBytes: BigInt(number) } },
        }).finish();
        const chunk = PredictUploadRequest.encode({ part: { $case: "chunk", value: Buffer.from(data) } }).finish();
        expect(decodePredictUploadRequest(Buffer.from(header))).toMatchObject({ kind: "header", input: "x", totalBytes: number });
        expect(decodePredictUploadRequest(Buffer.concat([header, chunk]))).toEqual({ kind: "chunk", bytes: Buffer.from(data) });
      }),
    );
  });

  test("a declared size beyond what a number holds is larger than any limit, not negative", () => {
    const header = { request: undefined, input: "", totalBytes: 2n ** 64n - 1n };
    const bytes = Buffer.from(PredictUploadRequest.encode({ part: { $case: "header", value: header } }).finish());
    expect(decodePredictUploadRequest(bytes)).toMatchObject({ totalBytes: Infinity });
  });
});

describe("responses", () => {
  test("what we write, the generated code reads the same, and the size is exact", () => {
    fc.assert(
      fc.property(response, (value) => {
        const bytes = written(predictResponseSize(value), (writer) => encodePredictResponse(writer, value));
        expect(PredictResponse.decode(bytes)).toEqual(toGenerated(value));
      }),
    );
  });

  test("chunks, session results and drain messages too", () => {
    fc.assert(
      fc.property(response, fc.maxSafeNat(), fc.string({ minLength: 1, maxLength: 30 }), (value, number, id) => {
        const chunk = { response: value, firstRow: number, rowsDone: 1, rowsTotal: 0 };
        const chunkBytes = written(predictStreamResponseSize(chunk), (writer) => encodePredictStreamResponse(writer, chunk));
        expect(PredictStreamResponse.decode(chunkBytes)).toEqual({
          response: toGenerated(value),
          firstRow: BigInt(number),
          rowsDone: 1n,
          rowsTotal: 0n,
        });
        const result = { id, response: value, error: undefined };
        const resultBytes = written(sessionResultSize(result), (writer) => encodeSessionResult(writer, result));
        expect(PredictSessionResponse.decode(resultBytes)).toEqual({
          message: { $case: "result", value: { id, outcome: { $case: "response", value: toGenerated(value) } } },
        });
        const graceMs = number % 2 ** 31;
        const drain = written(sessionDrainSize(graceMs), (writer) => encodeSessionDrain(writer, graceMs));
        expect(PredictSessionResponse.decode(drain)).toEqual({ message: { $case: "drain", value: { graceMs } } });
      }),
    );
  });
});
