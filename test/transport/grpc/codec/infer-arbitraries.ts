// Random messages of the Open Inference Protocol, and bytes of them that other encoders might write.

import { BinaryWriter } from "@bufbuild/protobuf/wire";
import * as fc from "fast-check";
import { InferParameter } from "../../../../generated/inference/grpc_service.ts";
import type { InferTensorContents, ModelInferRequest } from "../../../../generated/inference/grpc_service.ts";
import { ELEMENT_BYTES } from "../../../../src/tensor/dtype.ts";
import type { DType } from "../../../../src/tensor/dtype.ts";

/** One element as the generated code holds it. */
type Element = boolean | number | bigint | Uint8Array;

/** One input before it is decided how its elements travel. */
export interface SampleInput {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly elements: readonly Element[];
}

/** One request before it is decided how its elements travel. */
export interface SampleRequest {
  readonly model: string;
  readonly version: string;
  readonly requestId: string;
  readonly inputs: readonly SampleInput[];
  readonly outputs: readonly string[];
}

/** How the elements of a data type travel when they are typed. */
interface TypedField {
  /** Property of the generated message. */
  readonly property: keyof InferTensorContents;
  readonly number: number;
  /** Wire type of one element. */
  readonly wireType: number;
  readonly write: (writer: BinaryWriter, element: Element) => BinaryWriter;
}

const INT: TypedField = { property: "intContents", number: 2, wireType: 0, write: (writer, element) => writer.int32(element as number) };
const UINT: TypedField = { property: "uintContents", number: 4, wireType: 0, write: (writer, element) => writer.uint32(element as number) };

/** The typed field of each data type that has one. */
export const TYPED_FIELDS: Readonly<Partial<Record<DType, TypedField>>> = {
  BOOL: { property: "boolContents", number: 1, wireType: 0, write: (writer, element) => writer.bool(element as boolean) },
  INT8: INT,
  INT16: INT,
  INT32: INT,
  INT64: { property: "int64Contents", number: 3, wireType: 0, write: (writer, element) => writer.int64(element as bigint) },
  UINT8: UINT,
  UINT16: UINT,
  UINT32: UINT,
  UINT64: { property: "uint64Contents", number: 5, wireType: 0, write: (writer, element) => writer.uint64(element as bigint) },
  FP32: { property: "fp32Contents", number: 6, wireType: 5, write: (writer, element) => writer.float(element as number) },
  FP64: { property: "fp64Contents", number: 7, wireType: 1, write: (writer, element) => writer.double(element as number) },
  STRING: { property: "bytesContents", number: 8, wireType: 2, write: (writer, element) => writer.bytes(element as Uint8Array) },
};

/** Data types whose elements may be typed. */
export const TYPED_DTYPES = Object.keys(TYPED_FIELDS) as DType[];

const ELEMENTS: Readonly<Record<DType, fc.Arbitrary<Element>>> = {
  BOOL: fc.boolean(),
  UINT8: fc.integer({ min: 0, max: 0xff }),
  UINT16: fc.integer({ min: 0, max: 0xffff }),
  UINT32: fc.integer({ min: 0, max: 0xffffffff }),
  UINT64: fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constantFrom(0n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n)),
  INT8: fc.integer({ min: -128, max: 127 }),
  INT16: fc.integer({ min: -32768, max: 32767 }),
  INT32: fc.integer(),
  INT64: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.constantFrom(-(2n ** 63n), -1n, 0n, 2n ** 53n + 1n, 2n ** 63n - 1n),
  ),
  FP16: fc.integer({ min: 0, max: 0xffff }),
  FP32: fc.float(),
  FP64: fc.double(),
  STRING: fc.oneof(fc.uint8Array({ maxLength: 12 }), fc.uint8Array({ minLength: 120, maxLength: 140 })),
  BF16: fc.integer({ min: 0, max: 0xffff }),
};

/** The elements as raw contents have them. */
export function toRaw(dtype: DType, elements: readonly Element[]): Buffer {
  return Buffer.concat(
    elements.map((element) => {
      if (dtype === "STRING") {
        const content = element as Uint8Array;
        const length = Buffer.alloc(4);
        length.writeUInt32LE(content.byteLength);
        return Buffer.concat([length, content]);
      }
      const bytes = Buffer.alloc(ELEMENT_BYTES[dtype]);
      if (typeof element === "bigint") bytes.writeBigUInt64LE(BigInt.asUintN(64, element));
      else if (dtype === "FP32") bytes.writeFloatLE(element as number);
      else if (dtype === "FP64") bytes.writeDoubleLE(element as number);
      else bytes.writeUIntLE(Number(BigInt.asUintN(8 * bytes.byteLength, BigInt(element as number))), 0, bytes.byteLength);
      return bytes;
    }),
  );
}

const name = fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: "grapheme", maxLength: 6 }));

function inputOf(dtype: DType): fc.Arbitrary<SampleInput> {
  return fc
    .record({ name, elements: fc.array(ELEMENTS[dtype], { maxLength: 12 }), leading: fc.constantFrom([], [1], [1, 1]) })
    .map(({ elements, leading, ...rest }) => ({ ...rest, dtype, shape: [...leading, elements.length], elements }));
}

function requestOf(dtypes: readonly DType[]): fc.Arbitrary<SampleRequest> {
  return fc.record({
    model: name,
    version: fc.constantFrom("", "1", "20"),
    requestId: name,
    inputs: fc.array(
      fc.constantFrom(...dtypes).chain((dtype) => inputOf(dtype)),
      { maxLength: 4 },
    ),
    outputs: fc.array(name, { maxLength: 3 }),
  });
}

/** Requests of any data type. */
export const rawRequest = requestOf(Object.keys(ELEMENTS) as DType[]);

/** Requests of data types that may be typed. */
export const typedRequest = requestOf(TYPED_DTYPES);

/** One parameter of a caller's own. */
export const customParameters = fc.dictionary(
  fc.string({ maxLength: 8 }).map((key) => `x${key}`),
  fc.oneof(
    fc.boolean().map((value) => ({ $case: "boolParam" as const, value })),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({ $case: "int64Param" as const, value })),
    name.map((value) => ({ $case: "stringParam" as const, value })),
    fc.double().map((value) => ({ $case: "doubleParam" as const, value })),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => ({ $case: "uint64Param" as const, value })),
  ),
  { maxKeys: 3 },
);

const NO_CONTENTS: InferTensorContents = {
  boolContents: [],
  intContents: [],
  int64Contents: [],
  uintContents: [],
  uint64Contents: [],
  fp32Contents: [],
  fp64Contents: [],
  bytesContents: [],
};

/** Name of a data type on the wire. */
export function datatypeOf(dtype: DType): string {
  return dtype === "STRING" ? "BYTES" : dtype;
}

/** The request as the generated code holds it. */
export function toGenerated(request: SampleRequest, typed: boolean, parameters: ModelInferRequest["parameters"] = {}): ModelInferRequest {
  return {
    modelName: request.model,
    modelVersion: request.version,
    id: request.requestId,
    parameters,
    inputs: request.inputs.map(({ name: inputName, dtype, shape, elements }) => ({
      name: inputName,
      datatype: datatypeOf(dtype),
      shape: shape.map(BigInt),
      parameters,
      contents: typed ? { ...NO_CONTENTS, [TYPED_FIELDS[dtype]!.property]: elements } : undefined,
    })),
    outputs: request.outputs.map((outputName) => ({ name: outputName, parameters })),
    rawInputContents: typed ? [] : request.inputs.map(({ dtype, elements }) => toRaw(dtype, elements)),
  };
}

/** Numbers that decide between what an encoder may do, in turn. */
export const choices = fc.array(fc.nat(999), { minLength: 1, maxLength: 40 });

function text(field: number, value: string): Uint8Array {
  return new BinaryWriter().tag(field, 2).string(value).finish();
}

function message(field: number, content: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(field, 2).bytes(content).finish();
}

/** Encodes as an encoder may that does everything the wire format allows: fields in any order, repeated, split, packed or not. */
export function encodeUnusually(
  request: SampleRequest,
  typed: boolean,
  parameters: ModelInferRequest["parameters"],
  noise: readonly Uint8Array[],
  decisions: readonly number[],
): Buffer {
  let turn = 0;
  const choose = (count: number): number => decisions[turn++ % decisions.length]! % count;
  /** Mixes lists of fields; each list keeps its own order. */
  const mix = (...lanes: readonly (readonly Uint8Array[])[]): Uint8Array => {
    const left = [...lanes, noise].filter((lane) => lane.length > 0).map((lane) => [...lane]);
    const fields: Uint8Array[] = [];
    while (left.length > 0) {
      const lane = choose(left.length);
      fields.push(left[lane]!.shift()!);
      if (left[lane]!.length === 0) left.splice(lane, 1);
    }
    return Buffer.concat(fields);
  };
  const entries = (field: number): Uint8Array[] =>
    Object.entries(parameters).flatMap(([key, value]) => {
      const wrong = new BinaryWriter().tag(1, 0).bool(true).finish();
      const decoy = message(field, mix([text(1, key)], [message(2, wrong)]));
      // The value in two halves: the message that comes last has no member and so changes nothing.
      const halves = [message(2, wrong), message(2, InferParameter.encode(value).finish()), message(2, Buffer.alloc(0))];
      return [decoy, message(field, mix([text(1, "not the key"), text(1, key)], halves))];
    });
  const shapeOf = (shape: readonly number[]): Uint8Array[] =>
    shape.map((dim) =>
      choose(2) === 0 ? new BinaryWriter().tag(3, 0).int64(dim).finish() : new BinaryWriter().tag(3, 2).fork().int64(dim).join().finish(),
    );
  const contentsOf = ({ dtype, elements }: SampleInput): Uint8Array[] => {
    const { number, wireType, write } = TYPED_FIELDS[dtype]!;
    const fields: Uint8Array[] = [];
    for (let at = 0; at < elements.length;) {
      if (choose(2) === 0 || wireType === 2) {
        fields.push(write(new BinaryWriter().tag(number, wireType), elements[at++]!).finish());
        continue;
      }
      const chunk = elements.slice(at, (at += 1 + choose(4)));
      fields.push(
        chunk
          .reduce<BinaryWriter>((writer, element) => write(writer, element), new BinaryWriter().tag(number, 2).fork())
          .join()
          .finish(),
      );
    }
    const split = choose(fields.length + 1);
    return [message(5, mix(fields.slice(0, split))), message(5, mix(fields.slice(split)))];
  };
  const inputs = request.inputs.map((input) =>
    message(
      5,
      mix(
        [text(1, "not the name"), text(1, input.name)],
        [text(2, "FP31"), text(2, datatypeOf(input.dtype))],
        shapeOf(input.shape),
        entries(4),
        typed ? contentsOf(input) : [],
      ),
    ),
  );
  const outputs = request.outputs.map((output) => message(6, mix([text(1, "not the name"), text(1, output)], entries(2))));
  const raw = typed ? [] : request.inputs.map(({ dtype, elements }) => message(7, toRaw(dtype, elements)));
  return Buffer.from(
    mix(
      [text(1, "not the model"), text(1, request.model)],
      [text(2, "99"), text(2, request.version)],
      [text(3, "not the id"), text(3, request.requestId)],
      entries(4),
      inputs,
      outputs,
      raw,
    ),
  );
}
