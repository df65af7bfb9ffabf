// Cutting tensors back to the length they had before they were padded.

import { expect, test } from "@jest/globals";
import { array, assert, constantFrom, integer, property, tuple } from "fast-check";
import { encodeStrings, decodeStrings } from "../../src/engine/onnx/strings.ts";
import { trim } from "../../src/tensor/trim.ts";

test("the first entries along a dimension", () => {
  const bytes = Uint8Array.from([1, 2, 0, 0, 3, 4, 0, 0]);
  expect(trim({ dtype: "UINT8", shape: [2, 4], bytes }, [1], 2)).toEqual({
    dtype: "UINT8",
    shape: [2, 2],
    bytes: Uint8Array.from([1, 2, 3, 4]),
  });
});

test("property: by every index, along one dimension or two, of numbers and of texts", () => {
  const anyShape = tuple(...[1, 2, 3, 4].map(() => integer({ min: 1, max: 4 })));
  assert(
    property(
      anyShape,
      constantFrom<readonly number[]>([1], [2], [3], [1, 2], [1, 3]),
      array(integer()),
      constantFrom("INT32", "STRING"),
      (shape, dims, extra, dtype) => {
        const length = 1 + (extra.length % Math.min(...dims.map((dim) => shape[dim]!)));
        const values = Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => i);
        const bytes = dtype === "STRING" ? encodeStrings(values.map((value) => "x".repeat(value % 5) + value)) : bytesOf(values);
        const to = shape.map((size, dim) => (dims.includes(dim) ? length : size));
        const wanted = values.filter((i) => dims.every((dim) => indexOf(shape, i, dim) < length));
        const kept = trim({ dtype, shape, bytes }, dims, length);
        expect(kept.shape).toEqual(to);
        if (dtype === "INT32") expect([...new Int32Array(kept.bytes.slice().buffer)]).toEqual(wanted);
        else expect(decodeStrings(kept.bytes, wanted.length)).toEqual(wanted.map((value) => "x".repeat(value % 5) + value));
      },
    ),
  );
});

function bytesOf(values: readonly number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}

/** The index along a dimension of element `i`. */
function indexOf(shape: readonly number[], i: number, dim: number): number {
  const stride = shape.slice(dim + 1).reduce((product, size) => product * size, 1);
  return Math.floor(i / stride) % shape[dim]!;
}
