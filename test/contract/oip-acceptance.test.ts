// What the Open Inference Protocol promises of ModelInfer, by the numbers of the contract's acceptance list.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { InferTensorContents, ModelInferRequest } from "../../generated/inference/grpc_service.ts";
import type { InferParameter } from "../../generated/inference/grpc_service.ts";
import { identity, sumAndDifference } from "../support/models.ts";
import { createOipClient, floatsOfRaw, fp32Input, inferRequest } from "../support/oip-client.ts";
import type { OipClient } from "../support/oip-client.ts";
import type { OnnxType } from "../support/onnx/types.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";

type Contents = Partial<InferTensorContents>;

/** Typed contents by datatype, the model's own type and the raw bytes they stand for. */
const TYPED: Readonly<Record<string, { readonly onnx: OnnxType; readonly contents: Contents; readonly raw: ArrayBufferView }>> = {
  BOOL: { onnx: "bool", contents: { boolContents: [true, false, true] }, raw: Uint8Array.of(1, 0, 1) },
  UINT8: { onnx: "uint8", contents: { uintContents: [0, 127, 255] }, raw: Uint8Array.of(0, 127, 255) },
  UINT16: { onnx: "uint16", contents: { uintContents: [0, 1, 65_535] }, raw: Uint16Array.of(0, 1, 65_535) },
  UINT32: { onnx: "uint32", contents: { uintContents: [0, 1, 2 ** 32 - 1] }, raw: Uint32Array.of(0, 1, 2 ** 32 - 1) },
  UINT64: {
    onnx: "uint64",
    contents: { uint64Contents: [0n, 2n ** 53n + 1n, 2n ** 64n - 1n] },
    raw: BigUint64Array.of(0n, 2n ** 53n + 1n, 2n ** 64n - 1n),
  },
  INT8: { onnx: "int8", contents: { intContents: [-128, 0, 127] }, raw: Int8Array.of(-128, 0, 127) },
  INT16: { onnx: "int16", contents: { intContents: [-32_768, 0, 32_767] }, raw: Int16Array.of(-32_768, 0, 32_767) },
  INT32: { onnx: "int32", contents: { intContents: [-(2 ** 31), 0, 2 ** 31 - 1] }, raw: Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1) },
  INT64: {
    onnx: "int64",
    contents: { int64Contents: [-(2n ** 63n), 2n ** 53n + 1n, -1n] },
    raw: BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n, -1n),
  },
  FP32: { onnx: "float", contents: { fp32Contents: [NaN, -0, 1.5] }, raw: Float32Array.of(NaN, -0, 1.5) },
  FP64: { onnx: "double", contents: { fp64Contents: [1e-300, Infinity, -0] }, raw: Float64Array.of(1e-300, Infinity, -0) },
  BYTES: {
    onnx: "string",
    contents: { bytesContents: ["", "é", "x".repeat(300)].map((text) => Buffer.from(text)) },
    raw: Buffer.concat(["", "é", "x".repeat(300)].flatMap((text) => [lengthOf(text), Buffer.from(text)])),
  },
};

function lengthOf(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(text));
  return length;
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function contentsOf(contents: Contents): InferTensorContents {
  return InferTensorContents.fromPartial(contents);
}

function typedRequest(model: string, datatype: string, shape: readonly bigint[], contents: Contents): ModelInferRequest {
  const input = { name: "X", datatype, shape: [...shape], parameters: {}, contents: contentsOf(contents) };
  return { ...ModelInferRequest.fromPartial({ modelName: model }), inputs: [input] };
}

async function failureOf(request: ModelInferRequest) {
  return (await client.infer(request)).failure;
}

/** Sends floats that leave so many bytes of 64 MiB. */
async function inferAllBut(bytes: number) {
  const elements = (64 * 1024 * 1024 - bytes) / 4;
  const input = { name: "X", datatype: "FP32", shape: [1, elements], bytes: new Uint8Array(4 * elements) };
  return client.infer(inferRequest("wide", "", [input]), { timeoutMs: 60_000 });
}

let server: TestServer;
let client: OipClient;
beforeAll(async () => {
  const typed = Object.entries(TYPED).map(([datatype, { onnx }]) => [`${datatype}.onnx`, identity(onnx, ["N"])]);
  server = await startServer({
    models: {
      ...Object.fromEntries(typed),
      "FP16.onnx": identity("float16", ["N"]),
      "wide.onnx": identity("float", ["N", "W"]),
      "sum/3/model.onnx": sumAndDifference(),
    },
  });
  client = createOipClient(server.address);
});
afterAll(async () => {
  client?.close();
  await server?.stop();
});

describe("1. typed contents come back as the same exact raw bytes", () => {
  test.each(Object.entries(TYPED))("%s", async (datatype, { contents, raw }) => {
    const { response, failure } = await client.infer(typedRequest(datatype, datatype, [3n], contents));
    expect(failure).toBeUndefined();
    expect(response!.outputs).toEqual([{ name: "Y", datatype, shape: [3n], parameters: {}, contents: undefined }]);
    expect(Buffer.from(response!.rawOutputContents[0]!).toString("hex")).toBe(Buffer.from(bytesOf(raw)).toString("hex"));
  });

  test("a row of a single value may have a dimension of 1 for it", async () => {
    const { response } = await client.infer(typedRequest("INT32", "INT32", [3n, 1n], TYPED["INT32"]!.contents));
    expect(response!.outputs[0]!.shape).toEqual([3n]);
    expect((await client.infer(typedRequest("INT32", "INT32", [1n, 3n], TYPED["INT32"]!.contents))).failure).toMatchObject({
      reason: "INPUT_SHAPE_MISMATCH",
    });
  });

  test("an output without elements has its empty entry", async () => {
    const model = inferRequest("sum", "", [fp32Input("A", [1, 4], [1, 2, 3, 4]), fp32Input("B", [1, 4], [1, 1, 1, 1])]);
    const { response } = await client.infer(model);
    expect(response!.rawOutputContents.length).toBe(response!.outputs.length);
  });

  test("an element beyond its type, another type's field, and half precision as numbers are refused", async () => {
    expect(await failureOf(typedRequest("INT8", "INT8", [1n], { intContents: [128] }))).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await failureOf(typedRequest("INT32", "INT32", [1n], { fp32Contents: [1] }))).toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "INPUT_TYPE_MISMATCH",
    });
    expect(await failureOf(typedRequest("FP16", "FP16", [1n], { fp32Contents: [1] }))).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await failureOf(typedRequest("INT32", "INT32", [2n], { intContents: [1] }))).toMatchObject({ reason: "INPUT_SIZE_MISMATCH" });
  });
});

describe("3. typed and raw contents in one request", () => {
  test.each(["one input with both", "one input with each"])("%s: INVALID_ARGUMENT naming the tensor", async (how) => {
    const both = inferRequest("sum", "", [fp32Input("A", [1, 4], [1, 2, 3, 4]), fp32Input("B", [1, 4], [1, 1, 1, 1])]);
    const contents = contentsOf({ fp32Contents: [1, 2, 3, 4] });
    const inputs = both.inputs.map((input, i) => (i === 0 ? { ...input, contents } : input));
    const rawInputContents = how === "one input with both" ? both.rawInputContents : both.rawInputContents.slice(1);
    const { failure } = await client.infer({ ...both, inputs, rawInputContents });
    expect(failure).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining('"A"') });
  });
});

describe("4. raw buffers that do not fit", () => {
  const inputs = [fp32Input("A", [1, 4], [1, 2, 3, 4]), fp32Input("B", [1, 4], [1, 1, 1, 1])];
  test.each([
    ["one entry too few", inferRequest("sum", "", inputs, { rawInputContents: [inputs[0]!.bytes] }), '"B"'],
    [
      "one entry too many",
      inferRequest("sum", "", inputs, { rawInputContents: [...inputs, inputs[0]!].map(({ bytes }) => bytes) }),
      "3 raw contents for 2 inputs",
    ],
    ["no data at all", inferRequest("sum", "", inputs, { rawInputContents: [] }), '"A"'],
  ])("%s", async (_, request, named) => {
    const { failure } = await client.infer(request);
    expect(failure).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(named) });
  });
});

describe("5. requested outputs", () => {
  const inputs = [fp32Input("A", [1, 4], [1, 2, 3, 4]), fp32Input("B", [1, 4], [1, 1, 1, 1])];
  const asked = (...names: readonly string[]) =>
    client.infer(inferRequest("sum", "", inputs, { outputs: names.map((name) => ({ name, parameters: {} })) }));

  test("only those, in the order asked", async () => {
    const { response } = await asked("DIFFERENCE", "SUM");
    expect(response!.outputs.map(({ name }) => name)).toEqual(["DIFFERENCE", "SUM"]);
    expect(response!.rawOutputContents.map(floatsOfRaw)).toEqual([
      [0, 1, 2, 3],
      [2, 3, 4, 5],
    ]);
    expect((await asked("SUM")).response!.outputs.map(({ name }) => name)).toEqual(["SUM"]);
  });

  test("an unknown one is INVALID_ARGUMENT", async () => {
    expect((await asked("SUM", "PRODUCT")).failure).toMatchObject({ code: "INVALID_ARGUMENT", reason: "OUTPUT_UNKNOWN" });
  });

  test("as classes", async () => {
    const parameters = { classification: { parameterChoice: { $case: "int64Param", value: 2n } } } as const;
    const { response } = await client.infer(inferRequest("sum", "", inputs, { outputs: [{ name: "SUM", parameters }] }));
    expect(response!.outputs[0]).toMatchObject({ datatype: "BYTES", shape: [1n, 2n] });
    expect(Buffer.from(response!.rawOutputContents[0]!).toString()).toMatch(/5\.000000:3.*4\.000000:2/s);
    const none = await client.infer(
      inferRequest("sum", "", inputs, { outputs: [{ name: "SUM", parameters: { classification: int(0n) } }] }),
    );
    expect(none.failure).toMatchObject({ code: "INVALID_ARGUMENT", reason: "PARAMETER_INVALID" });
  });
});

test("6. the id is echoed, and the version that ran is named as text", async () => {
  const { response } = await client.infer(
    inferRequest("sum", "caller's own", [fp32Input("A", [1, 4], [1, 2, 3, 4]), fp32Input("B", [1, 4], [1, 1, 1, 1])]),
  );
  expect(response).toMatchObject({ id: "caller's own", modelName: "sum", modelVersion: "3" });
});

function int(value: bigint): InferParameter {
  return { parameterChoice: { $case: "int64Param", value } };
}

function uint(value: bigint): InferParameter {
  return { parameterChoice: { $case: "uint64Param", value } };
}

function flag(value: boolean): InferParameter {
  return { parameterChoice: { $case: "boolParam", value } };
}

function word(value: string): InferParameter {
  return { parameterChoice: { $case: "stringParam", value } };
}

describe("14. reserved parameters", () => {
  const inputs = [fp32Input("A", [1, 4], [1, 2, 3, 4]), fp32Input("B", [1, 4], [1, 1, 1, 1])];
  const withParameters = (parameters: Record<string, InferParameter>) => client.infer(inferRequest("sum", "", inputs, { parameters }));

  test.each<[string, Record<string, InferParameter>]>([
    ["timeout", { timeout: int(1_000_000n) }],
    ["no timeout", { timeout: int(0n) }],
    ["priority, signed", { priority: int(1n) }],
    ["priority, unsigned", { priority: uint(2n) }],
    ["a level that does not exist", { priority: uint(2n ** 63n) }],
    ["a sequence by number", { sequence_id: int(7n), sequence_start: flag(true), sequence_end: flag(true) }],
    ["a sequence by unsigned number", { sequence_id: uint(7n), sequence_start: flag(true) }],
    ["a sequence by name", { sequence_id: word("seven"), sequence_end: flag(false) }],
    ["no sequence", { sequence_id: int(0n), sequence_start: flag(false), sequence_end: flag(false) }],
    ["the wish for an empty final message", { triton_enable_empty_final_response: flag(true) }],
    ["parameters of others", { custom: word("x"), headers: word("y"), binary_data_output: flag(true) }],
  ])("%s", async (_, parameters) => {
    const { response, failure } = await withParameters(parameters);
    expect(failure).toBeUndefined();
    expect(floatsOfRaw(response!.rawOutputContents[0])).toEqual([2, 3, 4, 5]);
  });

  test.each<[string, Record<string, InferParameter>]>([
    ["timeout", { timeout: word("1") }],
    ["timeout", { timeout: int(-1n) }],
    ["priority", { priority: int(-1n) }],
    ["priority", { priority: flag(true) }],
    ["sequence_id", { sequence_id: flag(true) }],
    ["sequence_start", { sequence_start: flag(true) }],
    ["sequence_end", { sequence_id: int(1n), sequence_end: int(1n) }],
    ["triton_enable_empty_final_response", { triton_enable_empty_final_response: int(1n) }],
    ["triton_unheard_of", { triton_unheard_of: flag(true) }],
  ])("a bad %s is refused by name", async (name, parameters) => {
    const { failure } = await withParameters(parameters);
    expect(failure).toMatchObject({ code: "INVALID_ARGUMENT", reason: "PARAMETER_INVALID" });
    expect(failure!.violations[0]!.field).toContain(name);
  });

  test("an unknown model is told before bad parameters", async () => {
    const { failure } = await client.infer(inferRequest("nobody", "", inputs, { parameters: { priority: flag(true) } }));
    expect(failure).toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("19. a tensor in shared memory", () => {
  const region = { shared_memory_region: word("r"), shared_memory_byte_size: int(16n) };
  test("as an input or an output is NOT_FOUND", async () => {
    const inputs = [fp32Input("A", [1, 4], [1, 2, 3, 4]), fp32Input("B", [1, 4], [1, 1, 1, 1])];
    const request = inferRequest("sum", "", inputs);
    const shared = request.inputs.map((input) => ({ ...input, parameters: region }));
    const asInput = await client.infer({ ...request, inputs: shared, rawInputContents: [] });
    const asOutput = await client.infer({ ...request, outputs: [{ name: "SUM", parameters: region }] });
    for (const { failure } of [asInput, asOutput]) expect(failure).toMatchObject({ code: "NOT_FOUND", reason: "SHARED_MEMORY_UNKNOWN" });
  });
});

test("29. a message of 64 MiB passes both ways, a larger one is RESOURCE_EXHAUSTED", async () => {
  const { response, failure } = await inferAllBut(4096);
  expect(failure).toBeUndefined();
  expect(response!.rawOutputContents[0]!.byteLength).toBe(64 * 1024 * 1024 - 4096);
  expect((await inferAllBut(0)).failure).toMatchObject({ code: "RESOURCE_EXHAUSTED", reason: "MESSAGE_TOO_LARGE" });
});
