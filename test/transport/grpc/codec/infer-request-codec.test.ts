import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { ModelInferRequest } from "../../../../generated/inference/grpc_service.ts";
import { PredictRequest } from "../../../../generated/predictd/v1/prediction.ts";
import type { PredictRequest as DomainRequest } from "../../../../src/predict/request.ts";
import type { DType } from "../../../../src/tensor/dtype.ts";
import { decodeInferRequest } from "../../../../src/transport/grpc/codec/infer-request-codec.ts";
import { decodePredictRequest } from "../../../../src/transport/grpc/codec/predict-codec.ts";
import { DecodeError } from "../../../../src/transport/grpc/codec/reader.ts";
import { unknownField } from "./arbitraries.ts";
import type { SampleRequest } from "./infer-arbitraries.ts";
import {
  choices,
  customParameters,
  datatypeOf,
  encodeUnusually,
  rawRequest,
  toGenerated,
  toRaw,
  TYPED_DTYPES,
  TYPED_FIELDS,
  typedRequest,
} from "./infer-arbitraries.ts";

type Generated = ReturnType<typeof ModelInferRequest.fromPartial>;
type Partial = Parameters<typeof ModelInferRequest.fromPartial>[0];

/** What our decoder must make of a request, with bytes as plain lists. */
function expected({ inputs, ...rest }: SampleRequest) {
  return {
    ...rest,
    inputs: inputs.map(({ name, dtype, shape, elements }) => ({
      name,
      dtype,
      shape,
      bytes: [...toRaw(dtype, elements)],
      problem: undefined,
    })),
    classCounts: [],
    priority: 0,
    queueTimeoutMs: 0,
    problem: undefined,
  };
}

function plain(request: DomainRequest) {
  return { ...request, inputs: request.inputs.map((tensor) => ({ ...tensor, bytes: [...tensor.bytes] })) };
}

function encode(request: Generated): Buffer {
  return Buffer.from(ModelInferRequest.encode(request).finish());
}

/** Decodes a request that is written down field by field. */
function decoded(request: Partial): DomainRequest {
  return decodeInferRequest(encode(ModelInferRequest.fromPartial(request))).request;
}

function input(name: string, datatype: string, shape: readonly number[], contents?: object) {
  return { name, datatype, shape: shape.map(BigInt), parameters: {}, contents } as NonNullable<Partial["inputs"]>[number];
}

/** A length as a varint of four bytes. */
function lengthBytes(length: number): readonly number[] {
  return [(length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, ((length >> 14) & 0x7f) | 0x80, length >> 21];
}

const region = { parameterChoice: { $case: "stringParam" as const, value: "shelf" } };

describe("what is read", () => {
  test("raw contents that the generated code writes", () => {
    fc.assert(
      fc.property(rawRequest, customParameters, (request, custom) => {
        const parameters = Object.fromEntries(Object.entries(custom).map(([key, value]) => [key, { parameterChoice: value }]));
        expect(plain(decodeInferRequest(encode(toGenerated(request, false, parameters))).request)).toEqual(expected(request));
      }),
    );
  });

  test("typed contents that the generated code writes", () => {
    fc.assert(
      fc.property(typedRequest, (request) => {
        expect(plain(decodeInferRequest(encode(toGenerated(request, true))).request)).toEqual(expected(request));
      }),
    );
  });

  test.each([false, true])("fields in any order, unknown, repeated, split, packed or not; typed: %s", (typed) => {
    fc.assert(
      fc.property(
        typed ? typedRequest : rawRequest,
        customParameters,
        fc.array(unknownField, { maxLength: 3 }),
        choices,
        (request, custom, noise, decisions) => {
          const parameters = Object.fromEntries(Object.entries(custom).map(([key, value]) => [key, { parameterChoice: value }]));
          const bytes = encodeUnusually(request, typed, parameters, noise, decisions);
          expect(plain(decodeInferRequest(bytes).request)).toEqual(expected(request));
          // The bytes themselves are in order: the generated code finds the same names in them.
          const theirs = ModelInferRequest.decode(bytes);
          expect([theirs.modelName, theirs.modelVersion, theirs.id]).toEqual([request.model, request.version, request.requestId]);
          expect(theirs.inputs.map(({ name }) => name)).toEqual(request.inputs.map(({ name }) => name));
        },
      ),
      { numRuns: 200 },
    );
  });

  test("a message within a larger buffer", () => {
    const bytes = encode(
      ModelInferRequest.fromPartial({ modelName: "m", inputs: [input("a", "UINT8", [2])], rawInputContents: [Buffer.of(1, 2)] }),
    );
    const { request } = decodeInferRequest(Buffer.concat([Buffer.of(0xff), bytes, Buffer.of(0xff)]), 1, 1 + bytes.length);
    expect(plain(request)).toMatchObject({ model: "m", inputs: [{ name: "a", dtype: "UINT8", bytes: [1, 2], problem: undefined }] });
  });

  test("raw contents and packed numbers that look like them are views of the message", () => {
    const inputs = [
      input("a", "FP32", [2], { fp32Contents: [1, 2] }),
      input("b", "FP64", [2], { fp64Contents: [1, 2] }),
      input("c", "BOOL", [2], { boolContents: [true, false] }),
      input("d", "INT8", [2], { intContents: [0, 127] }),
    ];
    const typed = encode(ModelInferRequest.fromPartial({ inputs }));
    const raw = encode(ModelInferRequest.fromPartial({ inputs: [input("a", "INT64", [1])], rawInputContents: [Buffer.alloc(8)] }));
    for (const message of [typed, raw]) {
      for (const { bytes, problem } of decodeInferRequest(message).request.inputs) {
        expect(problem).toBeUndefined();
        expect(bytes.buffer).toBe(message.buffer);
        expect(bytes.byteOffset - message.byteOffset).toBeLessThan(message.byteLength);
      }
    }
  });

  test.each<[string, readonly number[], readonly number[]]>([
    ["2", [2, 0, 1], [1, 0, 1]],
    ["2^63, and 1 in two bytes", [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 0x81, 0, 0x80, 0], [1, 1, 0]],
  ])("booleans that are not written as 0 and 1 become so: %s", (_what, content, booleans) => {
    const packed = [0x0a, content.length, ...content];
    const message = Buffer.of(0x2a, 6 + 2 + packed.length, 0x12, 4, ...Buffer.from("BOOL"), 0x2a, packed.length, ...packed);
    expect([...decodeInferRequest(message).request.inputs[0]!.bytes]).toEqual(booleans);
  });

  test("dimensions keep their sign and size", () => {
    const { inputs } = decoded({ inputs: [{ name: "a", datatype: "FP32", shape: [-1n, 2n ** 40n, -(2n ** 63n), 2n ** 63n - 1n] }] });
    expect(inputs[0]!.shape).toEqual([-1, 2 ** 40, -(2 ** 63), 2 ** 63]);
  });

  test.each(["", "STRING", "fp32", "FP3", "FP320", "INT", "toString"])("data type %p is not known", (datatype) => {
    expect(decoded({ inputs: [input("a", datatype, [1])], rawInputContents: [Buffer.alloc(4)] }).inputs[0]!.dtype).toBeUndefined();
  });

  test("requests without parameters look like those of predictd.v1", () => {
    const ours = decoded({ modelName: "m", inputs: [input("a", "UINT8", [1])], rawInputContents: [Buffer.of(1)] });
    const theirs = decodePredictRequest(
      Buffer.from(
        PredictRequest.encode({
          model: "m",
          version: "",
          requestId: "",
          inputs: [{ name: "a", dataType: 2, shape: [1n], raw: Buffer.of(1), strings: [] }],
          outputs: [],
        }).finish(),
      ),
    );
    expect(plain(ours)).toEqual(plain(theirs));
    expect(Object.keys(ours)).toEqual(Object.keys(theirs));
    expect(Object.keys(ours.inputs[0]!)).toEqual(Object.keys(theirs.inputs[0]!));
    expect(ours.classCounts).toBe(theirs.classCounts);
  });
});

describe("whose data it is", () => {
  test("raw contents go to the inputs in order, however the message is ordered", () => {
    const first = encode(ModelInferRequest.fromPartial({ rawInputContents: [Buffer.of(1), Buffer.of(2)] }));
    const second = encode(ModelInferRequest.fromPartial({ inputs: [input("a", "UINT8", [1]), input("b", "UINT8", [1])] }));
    const { inputs } = decodeInferRequest(Buffer.concat([first, second])).request;
    expect(inputs.map(({ name, bytes }) => [name, ...bytes])).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
  });

  test("too few raw contents: the inputs without data are named", () => {
    const { inputs, problem } = decoded({ inputs: [input("a", "UINT8", [1]), input("b", "UINT8", [1])], rawInputContents: [Buffer.of(1)] });
    expect(problem).toBeUndefined();
    expect(inputs.map((tensor) => tensor.problem)).toEqual([
      undefined,
      { reason: "INPUT_SIZE_MISMATCH", field: "contents", text: 'has no data: unable to find data for input tensor "b"' },
    ]);
  });

  test("too many raw contents are a problem of the request", () => {
    const { inputs, problem } = decoded({ inputs: [input("a", "UINT8", [1])], rawInputContents: [Buffer.of(1), Buffer.of(2)] });
    expect(inputs[0]!.problem).toBeUndefined();
    expect(problem).toMatchObject({
      reason: "INPUT_SIZE_MISMATCH",
      code: "INVALID_ARGUMENT",
      message: "The request has 2 raw contents for 1 inputs.",
      violations: [{ field: "raw_input_contents" }],
    });
  });

  test("no data is fine for no elements, and only then", () => {
    const tensors = [input("a", "FP32", [1, 0]), input("b", "FP32", []), input("c", "FP32", [-1]), input("d", "BYTES", [0])];
    for (const contents of [undefined, {}]) {
      const { inputs } = decoded({ inputs: tensors.map((tensor) => ({ ...tensor, contents })) });
      expect(inputs.map(({ problem }) => problem?.reason)).toEqual([undefined, "INPUT_SIZE_MISMATCH", "INPUT_SIZE_MISMATCH", undefined]);
    }
  });

  test("an empty raw entry is data", () => {
    const { inputs, problem } = decoded({ inputs: [input("a", "FP32", [1])], rawInputContents: [Buffer.alloc(0)] });
    expect([inputs[0]!.problem, inputs[0]!.bytes.byteLength, problem]).toEqual([undefined, 0, undefined]);
  });

  test.each([1, 2])("typed beside %d raw contents is refused, naming the typed input", (rawCount) => {
    const { inputs, problem } = decoded({
      inputs: [input("a", "UINT8", [1]), input("b", "UINT8", [1], { uintContents: [1] })],
      rawInputContents: Array.from({ length: rawCount }, () => Buffer.of(1)),
    });
    expect(problem).toBeUndefined();
    expect(inputs.map((tensor) => tensor.problem?.reason)).toEqual([undefined, "INPUT_VALUE_INVALID"]);
    expect(inputs[1]!.problem).toMatchObject({ field: "contents", text: expect.stringContaining("typed contents in a request with raw") });
  });

  test("an empty `contents` beside raw contents is no data", () => {
    const { inputs } = decoded({ inputs: [input("a", "UINT8", [1], {})], rawInputContents: [Buffer.of(9)] });
    expect(plain({ inputs } as unknown as DomainRequest).inputs[0]).toMatchObject({ bytes: [9], problem: undefined });
  });

  test("an input in shared memory takes no raw contents and is NOT_FOUND", () => {
    const { inputs, problem } = decoded({
      inputs: [{ ...input("a", "UINT8", [1]), parameters: { shared_memory_region: region } }, input("b", "UINT8", [1])],
      rawInputContents: [Buffer.of(7)],
    });
    expect(inputs.map((tensor) => tensor.problem)).toEqual([undefined, undefined]);
    expect([...inputs[1]!.bytes]).toEqual([7]);
    expect(problem).toMatchObject({
      reason: "SHARED_MEMORY_UNKNOWN",
      code: "NOT_FOUND",
      message: expect.stringContaining('"shelf"'),
      violations: [{ field: 'inputs["a"].parameters["shared_memory_region"]' }],
      resource: { type: "shared memory region", name: "shelf" },
    });
  });
});

describe("typed contents", () => {
  test.each(TYPED_DTYPES)("another field than that of %s is a mismatch", (dtype) => {
    const own = TYPED_FIELDS[dtype]!.property;
    const samples = {
      boolContents: [true],
      intContents: [1],
      int64Contents: [1n],
      uintContents: [1],
      uint64Contents: [1n],
      fp32Contents: [1],
      fp64Contents: [1],
      bytesContents: [Buffer.of(65)],
    };
    for (const [property, elements] of Object.entries(samples)) {
      if (property === own) continue;
      for (const contents of [{ [property]: elements }, { [property]: elements, [own]: samples[own] }]) {
        const { problem, bytes } = decoded({ inputs: [input("a", datatypeOf(dtype), [1], contents)] }).inputs[0]!;
        const field = `contents.${property.replace(/Contents/, "_contents")}`;
        expect(problem).toMatchObject({ reason: "INPUT_TYPE_MISMATCH", field });
        expect(problem!.text).toContain(datatypeOf(dtype));
        expect(bytes.byteLength).toBe(0);
      }
    }
  });

  test.each(["FP16", "BF16"])("%s is refused: it travels raw only", (datatype) => {
    for (const contents of [{ fp32Contents: [1] }, { uintContents: [1] }, { bytesContents: [Buffer.alloc(0)] }]) {
      expect(decoded({ inputs: [input("a", datatype, [1], contents)] }).inputs[0]!.problem).toMatchObject({
        reason: "INPUT_TYPE_MISMATCH",
        text: expect.stringContaining("raw contents only"),
      });
    }
  });

  test.each<[DType, "intContents" | "uintContents", readonly number[], readonly number[]]>([
    ["INT8", "intContents", [-128, 127], [-129, 128, 256, 2 ** 31 - 1, -(2 ** 31)]],
    ["INT16", "intContents", [-32768, 32767], [-32769, 32768, 65536]],
    ["INT32", "intContents", [-(2 ** 31), 2 ** 31 - 1], []],
    ["UINT8", "uintContents", [0, 255], [256, 2 ** 32 - 1]],
    ["UINT16", "uintContents", [0, 65535], [65536, 2 ** 32 - 1]],
    ["UINT32", "uintContents", [0, 2 ** 32 - 1], []],
  ])("%s keeps to its range", (dtype, property, inside, outside) => {
    const good = decoded({ inputs: [input("a", dtype, [2], { [property]: inside })] }).inputs[0]!;
    expect(good.problem).toBeUndefined();
    expect([...good.bytes]).toEqual([...toRaw(dtype, inside)]);
    for (const value of outside) {
      expect(decoded({ inputs: [input("a", dtype, [2], { [property]: [1, value, value] })] }).inputs[0]!.problem).toEqual({
        reason: "INPUT_VALUE_INVALID",
        field: `contents.${property.replace(/Contents/, "_contents")}`,
        text: `holds a value at element 1 that ${dtype} has no room for`,
      });
    }
  });

  test("bits of 64-bit numbers and of NaN stay as they are", () => {
    const bits = Buffer.from("0100c07f00000080", "hex");
    const packed = Buffer.concat([Buffer.of(0x32, 8), bits]);
    const message = Buffer.concat([
      Buffer.of(0x2a, 6 + 2 + packed.length, 0x12, 4),
      Buffer.from("FP32"),
      Buffer.of(0x2a, packed.length),
      packed,
    ]);
    expect(decodeInferRequest(message).request.inputs[0]!.bytes).toEqual(bits);
    const wide = decoded({ inputs: [input("a", "INT64", [2], { int64Contents: [2n ** 53n + 1n, -(2n ** 63n)] })] }).inputs[0]!;
    expect([...new BigInt64Array(new Uint8Array(wide.bytes).buffer)]).toEqual([2n ** 53n + 1n, -(2n ** 63n)]);
  });

  test("numbers of one byte cannot become more than the limit", () => {
    const count = 8 * 1024 * 1024 + 1;
    const packed = Buffer.concat([Buffer.of(0x1a, ...lengthBytes(count)), Buffer.alloc(count)]);
    const contents = Buffer.concat([Buffer.of(0x12, 5), Buffer.from("INT64"), Buffer.of(0x2a, ...lengthBytes(packed.length)), packed]);
    const tensor = decodeInferRequest(Buffer.concat([Buffer.of(0x2a, ...lengthBytes(contents.length)), contents])).request.inputs[0]!;
    expect(tensor.bytes.byteLength).toBe(0);
    expect(tensor.problem).toMatchObject({ reason: "INPUT_TOO_LARGE", text: expect.stringContaining("send it as raw contents") });
  });
});

describe("bytes that are no message", () => {
  test("truncated, changed and random bytes are refused or read, never anything else", () => {
    fc.assert(
      fc.property(
        rawRequest,
        typedRequest,
        fc.boolean(),
        fc.nat(),
        fc.nat(255),
        fc.uint8Array({ maxLength: 60 }),
        (raw, typed, isTyped, at, byte, junk) => {
          const whole = encode(isTyped ? toGenerated(typed, true) : toGenerated(raw, false));
          const changed = Buffer.from(whole);
          if (changed.length > 0) changed[at % changed.length] = byte;
          for (const bytes of [whole.subarray(0, at % (whole.length + 1)), changed, Buffer.from(junk)]) {
            try {
              decodeInferRequest(bytes);
            } catch (error) {
              expect(error).toBeInstanceOf(DecodeError);
            }
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  test.each<[string, readonly number[]]>([
    ["a name longer than its message", [0x0a, 5, 65]],
    ["an input longer than its message", [0x2a, 3, 0x0a, 5, 65]],
    ["a parameter longer than its message", [0x22, 4, 0x0a, 9, 65, 65]],
    ["raw contents longer than their message", [0x3a, 5, 65]],
    ["a name that is not UTF-8", [0x0a, 2, 0xff, 0xfe]],
    ["packed FP32 that ends within a number", [0x2a, 13, 0x12, 4, 0x46, 0x50, 0x33, 0x32, 0x2a, 5, 0x32, 3, 0, 0, 0]],
    ["packed INT32 that ends within a number", [0x2a, 12, 0x12, 5, 0x49, 0x4e, 0x54, 0x33, 0x32, 0x2a, 3, 0x12, 1, 0x80]],
    [
      "an INT64 of eleven bytes",
      [0x2a, 22, 0x12, 5, 0x49, 0x4e, 0x54, 0x36, 0x34, 0x2a, 13, 0x1a, 11, ...Array.from({ length: 10 }, () => 0x80), 1],
    ],
  ])("%s", (_what, bytes) => {
    expect(() => decodeInferRequest(Buffer.from(bytes))).toThrow(DecodeError);
  });

  test.each<[string, Partial]>([
    ["inputs", { inputs: Array.from({ length: 1025 }, () => ({})) }],
    ["outputs", { outputs: Array.from({ length: 1025 }, () => ({})) }],
    ["raw contents", { rawInputContents: Array.from({ length: 1025 }, () => Buffer.alloc(0)) }],
    ["dimensions", { inputs: [{ shape: Array.from({ length: 65 }, () => 1n) }] }],
    ["parameters", { parameters: Object.fromEntries(Array.from({ length: 257 }, (_, index) => [`k${index}`, {}])) }],
  ])("%s beyond their bound", (what, message) => {
    expect(() => decoded(message)).toThrow(DecodeError);
    expect(() => decoded(message)).toThrow(what);
  });
});
