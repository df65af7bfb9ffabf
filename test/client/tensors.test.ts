// Arrays become tensors and come back, whatever their type, shape and alignment.

import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { PredictdError } from "../../src/client/error.ts";
import { fromHalf, toHalf } from "../../src/tensor/half.ts";
import { rawTensor, tensor, values } from "../../src/client/tensors.ts";
import type { NumericDType } from "../../src/client/typed-arrays.ts";
import { VIEW_BY_DTYPE } from "../../src/client/typed-arrays.ts";
import { ELEMENT_BYTES } from "../../src/tensor/dtype.ts";

const NUMERIC = Object.keys(VIEW_BY_DTYPE) as NumericDType[];
const shapes = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 });

/** The reason of the error that `act` throws. */
function reasonOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(PredictdError);
    expect((error as PredictdError).code).toBe("INVALID_ARGUMENT");
    return (error as PredictdError).reason;
  }
  return "nothing thrown";
}

describe("typed arrays", () => {
  test("any dtype × shape × byte offset comes back bit by bit, as a view where it is aligned", () => {
    const cases = fc.record({
      dtype: fc.constantFrom(...NUMERIC),
      shape: shapes,
      offset: fc.integer({ min: 0, max: 16 }),
      seed: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    });
    fc.assert(
      fc.property(cases, ({ dtype, shape, offset, seed }) => {
        const count = shape.reduce((product, length) => product * length, 1);
        const bytes = count * ELEMENT_BYTES[dtype];
        const buffer = new ArrayBuffer(bytes + offset + 3);
        const raw = new Uint8Array(buffer, offset, bytes);
        for (let i = 0; i < bytes; i++) raw[i] = seed[i % seed.length]!;
        const read = values(rawTensor("x", raw, shape, dtype), dtype);
        expect(read).toHaveLength(count);
        expect(Buffer.compare(new Uint8Array(read.buffer, read.byteOffset, read.byteLength), raw)).toBe(0);
        expect(read.buffer === buffer).toBe(offset % ELEMENT_BYTES[dtype] === 0);
        const ofBuffer = values(rawTensor("x", Buffer.from(buffer, offset, bytes), shape, dtype), dtype);
        expect(ofBuffer).toEqual(read);
        // And back: the typed array, at its own offset, carries the same bytes.
        const again = tensor("x", read, shape, dtype);
        expect(again).toMatchObject({ name: "x", dtype, shape });
        expect(Buffer.compare(again.raw, raw)).toBe(0);
      }),
    );
  });

  test.each([
    [new Float32Array(2), "FP32"],
    [new Float64Array(2), "FP64"],
    [new Int8Array(2), "INT8"],
    [new Int16Array(2), "INT16"],
    [new Int32Array(2), "INT32"],
    [new BigInt64Array(2), "INT64"],
    [new Uint8Array(2), "UINT8"],
    [new Uint8ClampedArray(2), "UINT8"],
    [new Uint16Array(2), "UINT16"],
    [new Uint32Array(2), "UINT32"],
    [new BigUint64Array(2), "UINT64"],
  ])("%o is %s", (array, dtype) => {
    expect(tensor("x", array)).toMatchObject({ dtype, shape: [2] });
  });

  test("a view into a larger buffer sends only its own bytes, without a copy", () => {
    const all = new Float32Array([1, 2, 3, 4]);
    const part = tensor("x", all.subarray(1, 3), [2, 1]);
    expect(values(part, "FP32")).toEqual(new Float32Array([2, 3]));
    expect(part.raw.buffer).toBe(all.buffer);
  });

  test("a Uint16Array is FP16 when asked for, a Float16Array always", () => {
    expect(tensor("x", new Uint16Array([0x3c00]), [1], "FP16").dtype).toBe("FP16");
    const Half = (globalThis as unknown as { Float16Array?: new (of: number[]) => Uint16Array }).Float16Array;
    if (Half === undefined) return;
    expect(values(tensor("x", new Half([1, -2])), "FP16")).toEqual(new Uint16Array([0x3c00, 0xc000]));
  });
});

describe("plain arrays", () => {
  test.each([
    ["numbers are FP32", tensor("x", [1, 2.5]), "FP32", [2], new Float32Array([1, 2.5])],
    ["bigints are INT64", tensor("x", [1n, -(2n ** 63n)]), "INT64", [2], new BigInt64Array([1n, -(2n ** 63n)])],
    ["booleans are BOOL", tensor("x", [true, false]), "BOOL", [2], new Uint8Array([1, 0])],
    ["strings are STRING", tensor("x", ["a", "日本"]), "STRING", [2], ["a", "日本"]],
    ["nesting gives the shape", tensor("x", [[[1], [2]]], undefined, "INT8"), "INT8", [1, 2, 1], new Int8Array([1, 2])],
    ["a single value is a scalar", tensor("x", 7, undefined, "UINT16"), "UINT16", [], new Uint16Array([7])],
    ["no elements keep their shape", tensor("x", [[], []]), "FP32", [2, 0], new Float32Array(0)],
    ["FP16 is rounded", tensor("x", [1, 65504, 1e-8], undefined, "FP16"), "FP16", [3], new Uint16Array([0x3c00, 0x7bff, 0])],
    ["UINT64 keeps all 64 bits", tensor("x", [2n ** 64n - 1n], undefined, "UINT64"), "UINT64", [1], new BigUint64Array([2n ** 64n - 1n])],
  ])("%s", (_, made, dtype, shape, expected) => {
    expect(made).toMatchObject({ dtype, shape });
    expect(values(made)).toEqual(expected);
  });

  test("strings of any shape come back as they were", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 8 }), (texts) => {
        expect(values(tensor("x", [texts], [texts.length, 1]), "STRING")).toEqual(texts);
      }),
    );
  });

  test.each([
    ["ragged nesting", () => tensor("x", [[1, 2], [3]]), "INPUT_SHAPE_MISMATCH"],
    ["mixed depth", () => tensor("x", [[1], 2]), "INPUT_SHAPE_MISMATCH"],
    ["a negative dimension", () => tensor("x", [1], [-1]), "INPUT_SHAPE_MISMATCH"],
    ["a fractional dimension", () => tensor("x", [1], [0.5]), "INPUT_SHAPE_MISMATCH"],
    ["too few elements", () => tensor("x", new Float32Array(3), [2, 2]), "INPUT_SIZE_MISMATCH"],
    ["too few bytes", () => rawTensor("x", new Uint8Array(7), [2], "FP32"), "INPUT_SIZE_MISMATCH"],
    ["raw strings", () => rawTensor("x", new Uint8Array(7), [2], "STRING"), "INPUT_TYPE_MISMATCH"],
    ["a number for INT64", () => tensor("x", [1], [1], "INT64"), "INPUT_VALUE_INVALID"],
    ["300 for UINT8", () => tensor("x", [300], [1], "UINT8"), "INPUT_VALUE_INVALID"],
    ["1.5 for INT32", () => tensor("x", [1.5], [1], "INT32"), "INPUT_VALUE_INVALID"],
    ["2^63 for INT64", () => tensor("x", [2n ** 63n], [1], "INT64"), "INPUT_VALUE_INVALID"],
    ["a number among strings", () => tensor("x", ["a", 1]), "INPUT_VALUE_INVALID"],
    ["a string among numbers", () => tensor("x", [1, "a"]), "INPUT_VALUE_INVALID"],
    ["floats as INT32", () => tensor("x", new Float32Array(1), [1], "INT32"), "INPUT_TYPE_MISMATCH"],
    ["reading another type", () => values(tensor("x", [1]), "FP64"), "INPUT_TYPE_MISMATCH"],
  ])("%s is refused", (_, act, reason) => {
    expect(reasonOf(act)).toBe(reason);
  });
});

describe("half precision", () => {
  test("every one of the 65,536 bit patterns comes back, NaN as NaN", () => {
    for (let bits = 0; bits <= 0xffff; bits++) {
      const number = fromHalf(bits);
      if (Number.isNaN(number)) expect(Number.isNaN(fromHalf(toHalf(number)))).toBe(true);
      else if (toHalf(number) !== bits) throw new Error(`0x${bits.toString(16)} became 0x${toHalf(number).toString(16)}`);
    }
  });

  test("single-precision numbers round to the nearest half, ties to even", () => {
    fc.assert(
      fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), (value) => {
        const bits = toHalf(value);
        const nearest = Math.abs(fromHalf(bits) - value);
        for (const other of [bits - 1, bits + 1]) {
          const neighbour = fromHalf(other & 0xffff);
          if (!Number.isFinite(neighbour) || Math.sign(neighbour) * Math.sign(value) < 0) continue;
          expect(nearest).toBeLessThanOrEqual(Math.abs(neighbour - value));
        }
      }),
    );
    expect([toHalf(2049), toHalf(2051), toHalf(65519), toHalf(65520), toHalf(2 ** -25), toHalf(-0)]).toEqual([
      0x6800, 0x6802, 0x7bff, 0x7c00, 0, 0x8000,
    ]);
  });
});
