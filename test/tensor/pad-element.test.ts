// The element that tensors are filled up with.

import { expect, test } from "@jest/globals";
import type { DType } from "../../src/tensor/dtype.ts";
import { onesOf, padElement } from "../../src/tensor/pad-element.ts";

test.each<[DType, number, readonly number[] | undefined]>([
  ["INT64", 0, [0, 0, 0, 0, 0, 0, 0, 0]],
  ["INT64", -100, [0x9c, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
  ["UINT64", 2 ** 40, [0, 0, 0, 0, 0, 1, 0, 0]],
  ["INT32", 30_522, [0x3a, 0x77, 0, 0]],
  ["UINT32", 2 ** 32 - 1, [255, 255, 255, 255]],
  ["INT16", -2, [0xfe, 0xff]],
  ["UINT8", 255, [255]],
  ["BOOL", 1, [1]],
  ["FP32", -1.5, [0, 0, 0xc0, 0xbf]],
  ["FP64", 1, [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]],
  ["FP16", 1, [0, 0x3c]],
  ["UINT8", 256, undefined],
  ["UINT8", -1, undefined],
  ["BOOL", 2, undefined],
  ["INT64", 0.5, undefined],
  ["STRING", 0, undefined],
])("%s %d", (dtype, value, bytes) => {
  expect(padElement(dtype, value)).toEqual(bytes && Uint8Array.from(bytes));
});

test("ones of any width", () => {
  expect(onesOf("INT64", 2)).toEqual(new Uint8Array(BigInt64Array.from([1n, 1n]).buffer));
  expect(onesOf("FP32", 3)).toEqual(new Uint8Array(Float32Array.from([1, 1, 1]).buffer));
  expect(onesOf("BOOL", 0)).toEqual(new Uint8Array(0));
});
