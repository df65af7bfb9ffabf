import { describe, expect, test } from "@jest/globals";
import { InferParameter, ModelInferRequest } from "../../../../generated/inference/grpc_service.ts";
import { decodeInferRequest } from "../../../../src/transport/grpc/codec/infer-request-codec.ts";
import type { InferRequest } from "../../../../src/transport/grpc/codec/infer-request-codec.ts";

type Choice = InferParameter["parameterChoice"];
type Parameters = Readonly<Record<string, Choice>>;

const bool = (value: boolean): Choice => ({ $case: "boolParam", value });
const int64 = (value: bigint): Choice => ({ $case: "int64Param", value });
const uint64 = (value: bigint): Choice => ({ $case: "uint64Param", value });
const text = (value: string): Choice => ({ $case: "stringParam", value });
const double = (value: number): Choice => ({ $case: "doubleParam", value });
const none: Choice = undefined;

function wrap(parameters: Parameters): Record<string, InferParameter> {
  return Object.fromEntries(Object.entries(parameters).map(([key, parameterChoice]) => [key, { parameterChoice }]));
}

function decodeWith(parameters: Parameters): InferRequest {
  return decodeInferRequest(
    Buffer.from(ModelInferRequest.encode(ModelInferRequest.fromPartial({ parameters: wrap(parameters) })).finish()),
  );
}

function withOutputs(...outputs: readonly Parameters[]): InferRequest["request"] {
  const named = outputs.map((parameters, index) => ({ name: `out${index}`, parameters: wrap(parameters) }));
  return decodeInferRequest(Buffer.from(ModelInferRequest.encode(ModelInferRequest.fromPartial({ outputs: named })).finish())).request;
}

/** An entry of `parameters` for the key `priority`. Its value has several members, in one message or in a message each. */
function entry(choices: readonly Choice[], inOne = true): Buffer {
  const members = choices.map((parameterChoice) => InferParameter.encode({ parameterChoice }).finish());
  const values = (inOne ? [Buffer.concat(members)] : members).flatMap((value) => [Buffer.of(0x12, value.byteLength), value]);
  const content = Buffer.concat([Buffer.of(0x0a, 8), Buffer.from("priority"), ...values]);
  return Buffer.concat([Buffer.of(0x22, content.length), content]);
}

function priorityOf(...entries: readonly Buffer[]): InferRequest["request"] {
  return decodeInferRequest(Buffer.concat(entries)).request;
}

describe("parameters of a request", () => {
  test.each<[string, Parameters, Partial<InferRequest["request"]>]>([
    ["priority as int64", { priority: int64(3n) }, { priority: 3 }],
    ["priority as uint64", { priority: uint64(3n) }, { priority: 3 }],
    ["priority beyond what is exact", { priority: uint64(2n ** 64n - 1n) }, { priority: 2 ** 64 }],
    ["priority 0", { priority: int64(0n) }, { priority: 0 }],
    ["timeout in microseconds", { timeout: int64(1500n) }, { queueTimeoutMs: 1.5 }],
    ["timeout 0", { timeout: int64(0n) }, { queueTimeoutMs: 0 }],
    ["sequence_id as int64", { sequence_id: int64(7n), sequence_start: bool(true), sequence_end: bool(true) }, {}],
    ["sequence_id as uint64", { sequence_id: uint64(2n ** 63n), sequence_start: bool(true), sequence_end: bool(false) }, {}],
    ["sequence_id as string", { sequence_id: text("a"), sequence_end: bool(true) }, {}],
    ["no sequence", { sequence_id: int64(0n), sequence_start: bool(false), sequence_end: bool(false) }, {}],
    ["no sequence, by an empty id", { sequence_id: text("") }, {}],
    ["what is not for us", { binary_data_output: bool(true), headers: text("{}") }, {}],
    [
      "keys of the caller's own, of every type",
      { a: bool(true), b: int64(-1n), c: uint64(1n), d: double(0.5), e: text("x"), f: none, tritonlike: int64(1n) },
      {},
    ],
  ])("%s", (_what, parameters, asked) => {
    const { request, wantsEmptyFinal } = decodeWith(parameters);
    expect(request).toMatchObject({ priority: 0, queueTimeoutMs: 0, problem: undefined, ...asked });
    expect(wantsEmptyFinal).toBe(false);
  });

  test("triton_enable_empty_final_response is told beside the request", () => {
    expect(decodeWith({ triton_enable_empty_final_response: bool(true) })).toMatchObject({
      wantsEmptyFinal: true,
      request: { problem: undefined },
    });
    expect(decodeWith({ triton_enable_empty_final_response: bool(false) })).toMatchObject({
      wantsEmptyFinal: false,
      request: { problem: undefined },
    });
  });

  test.each<[string, Parameters]>([
    ["priority", { priority: int64(-1n) }],
    ["priority", { priority: text("1") }],
    ["priority", { priority: bool(true) }],
    ["priority", { priority: double(1) }],
    ["priority", { priority: none }],
    ["timeout", { timeout: int64(-1n) }],
    ["timeout", { timeout: uint64(1n) }],
    ["timeout", { timeout: double(1) }],
    ["timeout", { timeout: text("1") }],
    ["timeout", { timeout: none }],
    ["sequence_id", { sequence_id: bool(true) }],
    ["sequence_id", { sequence_id: double(1) }],
    ["sequence_id", { sequence_id: none }],
    ["sequence_start", { sequence_start: int64(1n), sequence_id: int64(1n) }],
    ["sequence_start", { sequence_start: bool(true) }],
    ["sequence_start", { sequence_start: bool(true), sequence_id: int64(0n) }],
    ["sequence_end", { sequence_end: bool(true), sequence_id: uint64(0n) }],
    ["sequence_end", { sequence_end: bool(true), sequence_id: text("") }],
    ["sequence_end", { sequence_end: text("true"), sequence_id: int64(1n) }],
    ["triton_enable_empty_final_response", { triton_enable_empty_final_response: int64(1n) }],
    ["triton_final_response", { triton_final_response: bool(true) }],
    ["triton_", { triton_: none }],
  ])("%s is refused: %j", (key, parameters) => {
    const { problem } = decodeWith(parameters).request;
    expect(problem).toMatchObject({
      reason: "PARAMETER_INVALID",
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(`"${key}"`),
      violations: [{ field: `parameters["${key}"]` }],
      metadata: { stage: "validate", parameter: key },
    });
  });

  test("every wrong key is named", () => {
    const { problem } = decodeWith({ mine: int64(1n), timeout: text("1"), triton_x: bool(true) }).request;
    expect(problem!.violations.map(({ field }) => field)).toEqual(['parameters["timeout"]', 'parameters["triton_x"]']);
    expect(problem!.message).toBe(problem!.violations[0]!.description);
  });

  test("of several entries with one key, and of several members of a value, the last wins", () => {
    expect(priorityOf(entry([text("wrong")]), entry([int64(2n)]))).toMatchObject({ priority: 2, problem: undefined });
    expect(priorityOf(entry([int64(2n)]), entry([none])).problem).toMatchObject({ reason: "PARAMETER_INVALID" });
    for (const inOne of [true, false]) {
      expect(priorityOf(entry([text("wrong"), int64(2n), none], inOne))).toMatchObject({ priority: 2, problem: undefined });
      expect(priorityOf(entry([int64(2n), text("wrong")], inOne)).problem).toMatchObject({ reason: "PARAMETER_INVALID" });
    }
  });
});

describe("parameters of outputs", () => {
  test("classification is aligned with the outputs", () => {
    expect(withOutputs({}, { classification: int64(3n) }, { other: text("x") }, { classification: int64(1n) })).toMatchObject({
      outputs: ["out0", "out1", "out2", "out3"],
      classCounts: [0, 3, 0, 1],
      problem: undefined,
    });
  });

  test("without classification there are no counts", () => {
    expect(withOutputs({}, { binary_data: bool(true) })).toMatchObject({ classCounts: [], problem: undefined });
  });

  test.each<[Choice]>([[int64(0n)], [int64(-1n)], [uint64(1n)], [double(1)], [text("1")], [bool(true)], [none]])(
    "classification %j is refused",
    (choice) => {
      expect(withOutputs({}, { classification: choice }).problem).toMatchObject({
        reason: "PARAMETER_INVALID",
        violations: [{ field: 'outputs[1].parameters["classification"]' }],
      });
    },
  );

  test("a shared memory region is NOT_FOUND, one that is no string is invalid", () => {
    expect(withOutputs({ shared_memory_region: text("shelf"), shared_memory_byte_size: int64(4n) }).problem).toMatchObject({
      reason: "SHARED_MEMORY_UNKNOWN",
      violations: [{ field: 'outputs[0].parameters["shared_memory_region"]' }],
    });
    expect(withOutputs({ shared_memory_region: int64(1n) }).problem).toMatchObject({
      reason: "PARAMETER_INVALID",
      violations: [{ field: 'outputs[0].parameters["shared_memory_region"]' }],
    });
  });
});

describe("parameters of inputs", () => {
  test("keys other than those of shared memory are ignored", () => {
    const parameters = wrap({
      classification: text("x"),
      binary_data_size: int64(-5n),
      triton_x: bool(true),
      shared_memory_offset: int64(0n),
    });
    const inputs = [{ name: "a", datatype: "UINT8", shape: [1n], parameters }];
    const message = ModelInferRequest.fromPartial({ inputs, rawInputContents: [Buffer.of(5)] });
    const { request } = decodeInferRequest(Buffer.from(ModelInferRequest.encode(message).finish()));
    expect(request).toMatchObject({ problem: undefined, inputs: [{ problem: undefined }] });
    expect([...request.inputs[0]!.bytes]).toEqual([5]);
  });
});
