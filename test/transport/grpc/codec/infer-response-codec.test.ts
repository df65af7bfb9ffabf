import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { ModelInferResponse, ModelStreamInferResponse } from "../../../../generated/inference/grpc_service.ts";
import type { PredictResponse } from "../../../../src/predict/request.ts";
import { hotCounters } from "../../../../src/telemetry/instruments.ts";
import {
  encodeInferResponse,
  encodeInferStreamError,
  encodeInferStreamResponse,
  inferResponseSize,
  inferStreamErrorSize,
  inferStreamResponseSize,
} from "../../../../src/transport/grpc/codec/infer-response-codec.ts";
import { Writer } from "../../../../src/transport/grpc/codec/writer.ts";
import { datatypeOf, rawRequest, toRaw } from "./infer-arbitraries.ts";

const text = fc.oneof(fc.string({ maxLength: 30 }), fc.string({ unit: "grapheme", maxLength: 10 }));

const timings = { routeUs: 1, validateUs: 2, admitUs: 3, queueUs: 4, batchUs: 5, runUs: 6, postprocessUs: 7, totalUs: 28 };

const response: fc.Arbitrary<PredictResponse> = rawRequest.map(({ model, version, requestId, inputs }) => ({
  model,
  version,
  requestId,
  outputs: inputs.map(({ name, dtype, shape, elements }) => ({ name, dtype, shape, bytes: toRaw(dtype, elements), problem: undefined })),
  timings,
  batchRows: 3,
}));

/** The response as the generated code would hold it. */
function toGenerated({ model, version, requestId, outputs }: PredictResponse, final?: boolean): ModelInferResponse {
  return {
    modelName: model,
    modelVersion: version,
    id: requestId,
    parameters: final === undefined ? {} : { triton_final_response: { parameterChoice: { $case: "boolParam", value: final } } },
    outputs: outputs.map(({ name, dtype, shape }) => ({
      name,
      datatype: datatypeOf(dtype!),
      shape: shape.map(BigInt),
      parameters: {},
      contents: undefined,
    })),
    rawOutputContents: outputs.map(({ bytes }) => Buffer.from(bytes)),
  };
}

function written(size: number, encode: (writer: Writer) => void): Buffer {
  const writer = new Writer(Buffer.alloc(size));
  encode(writer);
  expect(writer.at).toBe(size);
  return writer.buffer;
}

const textOf = (value: string) => ({ parameterChoice: { $case: "stringParam", value } });

describe("what we write, the generated code reads the same, and the size is exact", () => {
  test("responses", () => {
    fc.assert(
      fc.property(response, fc.constantFrom(undefined, false, true), (value, final) => {
        const before = hotCounters.responseBytesCopied;
        const bytes = written(inferResponseSize(value, final), (writer) => encodeInferResponse(writer, value, final));
        expect(ModelInferResponse.decode(bytes)).toEqual(toGenerated(value, final));
        expect(hotCounters.responseBytesCopied - before).toBe(value.outputs.reduce((sum, output) => sum + output.bytes.byteLength, 0));
      }),
    );
  });

  test("responses of a stream", () => {
    fc.assert(
      fc.property(response, fc.boolean(), (value, final) => {
        const bytes = written(inferStreamResponseSize(value, final), (writer) => encodeInferStreamResponse(writer, value, final));
        expect(ModelStreamInferResponse.decode(bytes)).toEqual({ errorMessage: "", inferResponse: toGenerated(value, final) });
      }),
    );
  });

  test("errors of a stream", () => {
    const stages = fc.constantFrom(undefined, "admit", "queue", "postprocess");
    const waits = fc.option(fc.double({ min: 0, max: 2 ** 40, noNaN: true }), { nil: undefined });
    fc.assert(
      fc.property(text, text, text, text, stages, fc.boolean(), waits, (model, version, id, message, stage, isPredicted, retryAfterMs) => {
        const error = { model, version, id, message, code: "RESOURCE_EXHAUSTED", reason: "QUEUE_FULL", stage, isPredicted, retryAfterMs };
        const bytes = written(inferStreamErrorSize(error), (writer) => encodeInferStreamError(writer, error));
        const yes = { parameterChoice: { $case: "boolParam", value: true } };
        const wait = BigInt(Math.ceil(retryAfterMs ?? 0));
        expect(ModelStreamInferResponse.decode(bytes)).toEqual({
          errorMessage: message,
          inferResponse: {
            modelName: model,
            modelVersion: version,
            id,
            parameters: {
              error_code: textOf("RESOURCE_EXHAUSTED"),
              error_reason: textOf("QUEUE_FULL"),
              ...(stage !== undefined && { error_stage: textOf(stage) }),
              ...(isPredicted && { error_predicted: yes }),
              ...(retryAfterMs !== undefined && { error_retry_after_ms: { parameterChoice: { $case: "int64Param", value: wait } } }),
              triton_final_response: yes,
            },
            outputs: [],
            rawOutputContents: [],
          },
        });
      }),
    );
  });
});

test("every output has one raw entry, an empty one too, in the order of the outputs", () => {
  const outputs = [
    { name: "empty", dtype: "FP32", shape: [0], bytes: new Uint8Array(0), problem: undefined },
    { name: "full", dtype: "UINT8", shape: [2], bytes: Uint8Array.of(1, 2), problem: undefined },
    { name: "last", dtype: "STRING", shape: [0], bytes: new Uint8Array(0), problem: undefined },
  ] as const;
  const value = { model: "m", version: "1", requestId: "", outputs, timings, batchRows: 1 };
  const bytes = written(inferResponseSize(value), (writer) => encodeInferResponse(writer, value));
  expect(ModelInferResponse.decode(bytes).rawOutputContents.map((entry) => [...entry])).toEqual([[], [1, 2], []]);
});

test("the empty last message of a stream names its request", () => {
  const value = { model: "m", version: "1", requestId: "r", outputs: [], timings, batchRows: 0 };
  const bytes = written(inferStreamResponseSize(value, true), (writer) => encodeInferStreamResponse(writer, value, true));
  expect(ModelStreamInferResponse.decode(bytes).inferResponse).toEqual(toGenerated(value, true));
});

test("a response of many megabytes has its exact size", () => {
  const outputs = [{ name: "big", dtype: "UINT8", shape: [2 ** 24], bytes: new Uint8Array(2 ** 24).fill(7), problem: undefined }] as const;
  const value = { model: "m", version: "1", requestId: "", outputs, timings, batchRows: 1 };
  const bytes = written(inferResponseSize(value, true), (writer) => encodeInferResponse(writer, value, true));
  expect(ModelInferResponse.decode(bytes).rawOutputContents[0]!.byteLength).toBe(2 ** 24);
});
