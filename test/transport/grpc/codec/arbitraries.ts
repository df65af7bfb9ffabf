// Random messages of the contract, and bytes of them that other encoders might write.

import { BinaryWriter } from "@bufbuild/protobuf/wire";
import * as fc from "fast-check";
import type { PredictRequest } from "../../../../generated/predictd/v1/prediction.ts";
import type { Tensor } from "../../../../generated/predictd/v1/tensor.ts";

const name = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 6 }),
  fc.string({ minLength: 25, maxLength: 40 }),
);

const dim = fc.oneof(fc.bigInt({ min: 0n, max: 300n }), fc.bigInt({ min: -5n, max: -1n }), fc.bigInt({ min: 2n ** 31n, max: 2n ** 52n }));

/** Tensors as the contract allows them, and some it does not. */
export const tensor: fc.Arbitrary<Tensor> = fc
  .record({
    name,
    dataType: fc.integer({ min: 0, max: 13 }),
    shape: fc.array(dim, { maxLength: 5 }),
    raw: fc.uint8Array({ maxLength: 200 }),
    strings: fc.array(name, { maxLength: 5 }),
  })
  .map((value) => {
    const dataType = value.dataType as Tensor["dataType"];
    const raw = Buffer.from(value.raw);
    return dataType === 13 ? { ...value, dataType, raw: Buffer.alloc(0) } : { ...value, dataType, raw, strings: [] };
  });

/** Requests. */
export const predictRequest: fc.Arbitrary<PredictRequest> = fc.record({
  model: name,
  version: fc.constantFrom("", "1", "20"),
  requestId: name,
  inputs: fc.array(tensor, { maxLength: 4 }),
  outputs: fc.array(name, { maxLength: 3 }),
});

/** A field that no message of the contract has. */
export const unknownField: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 31 }).map((value) => new BinaryWriter().tag(100, 0).uint32(value).finish()),
  fc.constant(new BinaryWriter().tag(101, 1).fixed64(7n).finish()),
  fc.uint8Array({ maxLength: 9 }).map((value) => new BinaryWriter().tag(102, 2).bytes(value).finish()),
  fc.constant(new BinaryWriter().tag(103, 5).fixed32(7).finish()),
  fc.constant(new BinaryWriter().tag(104, 3).tag(1, 0).uint32(5).tag(104, 4).finish()),
);

/** A request whose fields are shuffled among unknown ones, scalars repeated (the last wins) and shapes not packed. */
export function encodeUnusually(request: PredictRequest, seed: readonly Uint8Array[], packed: boolean): Buffer {
  const writer = new BinaryWriter();
  const noise = (index: number): void => {
    const field = seed[index % Math.max(1, seed.length)];
    if (field !== undefined) writer.raw(field);
  };
  writer.tag(1, 2).string("not the model");
  for (const output of request.outputs) writer.tag(5, 2).string(output);
  noise(0);
  for (const input of request.inputs) {
    writer.tag(4, 2).fork();
    noise(1);
    if (packed) {
      // One packed field for each dimension: a repeated field may be cut anywhere.
      for (const length of input.shape) writer.tag(3, 2).fork().int64(length).join();
    } else {
      for (const length of input.shape) writer.tag(3, 0).int64(length);
    }
    for (const text of input.strings) writer.tag(5, 2).string(text);
    writer.tag(2, 0).int32(input.dataType);
    writer.tag(4, 2).bytes(Buffer.from("overwritten"));
    writer.tag(4, 2).bytes(input.raw);
    writer.tag(1, 2).string(input.name);
    writer.join();
  }
  noise(2);
  writer.tag(3, 2).string(request.requestId).tag(2, 2).string(request.version).tag(1, 2).string(request.model);
  noise(3);
  return Buffer.from(writer.finish());
}
