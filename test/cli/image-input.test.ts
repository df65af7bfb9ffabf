// PNG files become tensors of the size, order and scale that a model takes.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import type { ImageData } from "fast-png";
import { encode } from "fast-png";
import { imageLayout } from "../../src/cli/input/image-layout.ts";
import type { Invert } from "../../src/cli/input/image-input.ts";
import { tensorsFromImages } from "../../src/cli/input/image-input.ts";
import { decodePng, resize, toChannels } from "../../src/cli/input/picture.ts";
import { fromHalf } from "../../src/tensor/half.ts";
import { values } from "../../src/client/tensors.ts";
import type { TensorSpec } from "../../src/tensor/signature.ts";
import { spec } from "./support/specs.ts";

const png = (width: number, height: number, channels: number, data: readonly number[], depth: ImageData["depth"] = 8) => ({
  name: "test.png",
  bytes: encode({ width, height, channels, depth, data: depth === 16 ? Uint16Array.from(data) : Uint8Array.from(data) }),
});

/** The numbers of the only tensor, rounded to three places. */
function numbers(file: { name: string; bytes: Uint8Array }, input: TensorSpec, invert: Invert = "off"): number[] {
  const [made] = tensorsFromImages([file], [input], invert);
  return Array.from(values(made!) as ArrayLike<number>, (value) => Math.round(value * 1000) / 1000);
}

const mean = (data: Float32Array): number => data.reduce((sum, value) => sum + value, 0) / data.length;

const grey2x2 = spec("x", "FP32", [-1, 1, 2, 2]);

describe("decoding", () => {
  test.each([
    ["grey, 8 bits", png(2, 2, 1, [0, 51, 102, 255]), [0, 0.2, 0.4, 1]],
    ["grey, 16 bits", png(2, 2, 1, [0, 13107, 26214, 65535], 16), [0, 0.2, 0.4, 1]],
    ["grey, 1 bit, rows padded to bytes", png(2, 2, 1, [0b0100_0000, 0b1000_0000], 1), [0, 1, 1, 0]],
    ["grey, 4 bits", png(2, 2, 1, [0x03, 0x6f], 4), [0, 0.2, 0.4, 1]],
    ["grey with alpha, laid over white", png(2, 2, 2, [0, 255, 0, 0, 255, 255, 0, 51]), [0, 1, 1, 0.8]],
    ["RGB, by luminance", png(2, 2, 3, [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]), [0.299, 0.587, 0.114, 1]],
    ["RGBA, laid over white", png(2, 2, 4, [0, 0, 0, 255, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 51]), [0, 1, 1, 0.8]],
  ])("%s", (_, file, expected) => {
    expect(numbers(file, grey2x2)).toEqual(expected);
  });

  test("palettes, with alpha", () => {
    // Transparent entries first, because the encoder loses the places of others.
    const palette = [
      [0, 0, 0, 0],
      [0, 0, 0, 255],
      [255, 255, 255, 255],
    ];
    const bytes = encode({ width: 2, height: 2, channels: 1, depth: 8, palette, data: Uint8Array.from([1, 2, 0, 1]) });
    expect(numbers({ name: "p.png", bytes }, grey2x2)).toEqual([0, 1, 1, 0]);
  });

  test("what is not a PNG is refused by name", () => {
    expect(() => tensorsFromImages([{ name: "cat.jpg", bytes: new Uint8Array([1, 2, 3]) }], [grey2x2], "off")).toThrow(
      /cat\.jpg is not a PNG/,
    );
  });
});

describe("size", () => {
  test("whole blocks are averaged", () => {
    expect(numbers(png(4, 2, 1, [0, 255, 255, 255, 0, 255, 0, 0]), spec("x", "FP32", [-1, 1, 1, 2]))).toEqual([0.5, 0.5]);
  });

  test("pixels on an edge count with the share that lies inside", () => {
    // Three pixels on two: each result covers one and a half.
    expect(numbers(png(3, 1, 1, [0, 255, 255]), spec("x", "FP32", [-1, 1, 1, 2]))).toEqual([0.333, 1]);
  });

  test("a smaller picture is enlarged without new shades at whole factors", () => {
    expect(numbers(png(2, 1, 1, [0, 255]), spec("x", "FP32", [-1, 1, 1, 4]))).toEqual([0, 0, 1, 1]);
  });

  test("the mean does not change", () => {
    const picture = decodePng(
      png(
        5,
        7,
        1,
        Array.from({ length: 35 }, (_, i) => (i * 37) % 256),
      ).bytes,
    );
    expect(mean(resize(picture, 3, 2).data)).toBeCloseTo(mean(picture.data), 5);
  });

  test("a free size keeps the picture's own, which all pictures must share", () => {
    const free = spec("x", "FP32", [-1, 1, -1, -1]);
    const [made] = tensorsFromImages([png(3, 1, 1, [0, 0, 0])], [free], "off");
    expect(made!.shape).toEqual([1, 1, 1, 3]);
    expect(() => tensorsFromImages([png(3, 1, 1, [0, 0, 0]), png(1, 1, 1, [0])], [free], "off")).toThrow(/not 3×1 pixels/);
  });
});

describe("order and scale", () => {
  const rgb = png(2, 1, 3, [255, 0, 0, 0, 51, 255]);
  test.each([
    ["channels first", spec("x", "FP32", [-1, 3, 1, 2]), [1, 3, 1, 2], [1, 0, 0, 0.2, 0, 1]],
    ["channels last", spec("x", "FP32", [-1, 1, 2, 3]), undefined, undefined],
    ["channels last, larger", spec("x", "FP32", [-1, 2, 2, 3]), [1, 2, 2, 3], [1, 0, 0, 0, 0.2, 1, 1, 0, 0, 0, 0.2, 1]],
    ["no batch", spec("x", "FP32", [3, 1, 2]), [3, 1, 2], [1, 0, 0, 0.2, 0, 1]],
    ["with alpha", spec("x", "FP32", [-1, 4, 1, 2]), [1, 4, 1, 2], [1, 0, 0, 0.2, 0, 1, 1, 1]],
    ["bytes", spec("x", "UINT8", [-1, 3, 1, 2]), [1, 3, 1, 2], [255, 0, 0, 51, 0, 255]],
    ["doubles", spec("x", "FP64", [-1, 3, 1, 2]), [1, 3, 1, 2], [1, 0, 0, 0.2, 0, 1]],
  ])("%s", (_, input, shape, expected) => {
    if (shape === undefined) {
      // [N, 1, 2, 3] reads as one channel of 2 × 3 pixels: channels first wins.
      expect(imageLayout(input)).toMatchObject({ channelAxis: "first", channels: 1, height: 2, width: 3 });
      return;
    }
    const [made] = tensorsFromImages([rgb], [input], "off");
    expect(made!.shape).toEqual(shape);
    expect(numbers(rgb, input)).toEqual(expected);
  });

  test("half precision", () => {
    const [made] = tensorsFromImages([rgb], [spec("x", "FP16", [-1, 3, 1, 2])], "off");
    expect(Array.from(values(made!, "FP16"), (bits) => Math.round(fromHalf(bits) * 1000) / 1000)).toEqual([1, 0, 0, 0.2, 0, 1]);
  });

  test("two pictures are two rows", () => {
    const files = [png(2, 2, 1, [0, 0, 0, 0]), png(2, 2, 1, [255, 255, 255, 255])];
    const [made] = tensorsFromImages(files, [grey2x2], "off");
    expect(made!.shape).toEqual([2, 1, 2, 2]);
    expect(values(made!)).toEqual(new Float32Array([0, 0, 0, 0, 1, 1, 1, 1]));
  });

  test.each([
    ["a model of texts", [spec("x", "STRING", [-1])], /FP16, FP32, FP64 or UINT8; "x" is STRING/],
    ["a model of vectors", [spec("x", "FP32", [-1])], /\[N, channels, height, width\] or the like; "x" is \[N\]/],
    ["a model of two inputs", [grey2x2, grey2x2], /with one input; this one has 2/],
    ["a fixed number of rows", [spec("x", "FP32", [2, 1, 2, 2])], /takes \[2, 1, 2, 2\], not 1 pictures/],
  ])("%s is refused", (_, inputs, message) => {
    expect(() => tensorsFromImages([png(2, 2, 1, [0, 0, 0, 0])], inputs, "off")).toThrow(message);
  });
});

describe("inverting", () => {
  const darkInk = png(3, 3, 1, [255, 255, 255, 255, 0, 255, 255, 255, 255]);
  const brightInk = png(3, 3, 1, [0, 0, 0, 0, 255, 0, 0, 0, 0]);
  const one = spec("x", "FP32", [-1, 1, 3, 3]);
  const ink = [0, 0, 0, 0, 1, 0, 0, 0, 0];
  test.each([
    ["auto turns dark ink on white into bright ink", darkInk, "auto", ink],
    ["auto leaves bright ink as it is", brightInk, "auto", ink],
    ["on always inverts", darkInk, "on", ink],
    ["off never does", brightInk, "off", ink],
  ] as const)("%s", (_, file, when, expected) => {
    expect(numbers(file, one, when)).toEqual(expected);
  });

  test("auto leaves colour pictures alone", () => {
    const white = png(1, 1, 3, [255, 255, 255]);
    expect(numbers(white, spec("x", "FP32", [-1, 3, 1, 1]), "auto")).toEqual([1, 1, 1]);
  });
});

test("the sample digits average back to the 17 grey levels they were made from", () => {
  const bytes = readFileSync(new URL("../../models/digits/three.png", import.meta.url));
  const small = resize(toChannels(decodePng(bytes), 1), 8, 8);
  for (const value of small.data) expect(Math.abs(value * 16 - Math.round(value * 16))).toBeLessThan(0.05);
});
