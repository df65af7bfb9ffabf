// Pictures as numbers: decoded, laid over a background, averaged to another size.

import { convertIndexedToRgb, decode } from "fast-png";

/** Pixels row by row, channels interleaved, 0 to 1. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Float32Array;
}

/**
 * Decodes a PNG of any depth: grey, grey with alpha, RGB, RGBA or palette. The picture has 1 or 3 channels, and alpha where the file does.
 * @throws Error for bytes that are not a PNG.
 */
export function decodePng(bytes: Uint8Array): Picture {
  const png = decode(bytes);
  const { width, height, depth } = png;
  if (png.palette !== undefined) {
    const channels = png.palette[0]!.length;
    return { width, height, channels, data: Float32Array.from(convertIndexedToRgb(png), (value) => value / 255) };
  }
  const { channels } = png;
  const scale = 2 ** depth - 1;
  const samples = depth < 8 ? unpack(png.data, width * channels, height, depth) : png.data;
  return { width, height, channels, data: Float32Array.from(samples, (value) => value / scale) };
}

/** Without alpha: laid over white, as paper would be. */
export function flatten(picture: Picture): Picture {
  const { width, height, channels, data } = picture;
  if (channels === 1 || channels === 3) return picture;
  const colours = channels - 1;
  const flat = new Float32Array(width * height * colours);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const alpha = data[pixel * channels + colours]!;
    for (let c = 0; c < colours; c++) flat[pixel * colours + c] = data[pixel * channels + c]! * alpha + 1 - alpha;
  }
  return { width, height, channels: colours, data: flat };
}

/** With 1 (luminance), 3 (RGB) or 4 (RGBA) channels. */
export function toChannels(picture: Picture, channels: 1 | 3 | 4): Picture {
  const source = channels === 4 ? picture : flatten(picture);
  if (source.channels === channels) return source;
  const { width, height, data } = source;
  const result = new Float32Array(width * height * channels);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const at = pixel * source.channels;
    const isGrey = source.channels < 3;
    const [red, green, blue] = [data[at]!, data[isGrey ? at : at + 1]!, data[isGrey ? at : at + 2]!];
    if (channels === 1) result[pixel] = 0.299 * red + 0.587 * green + 0.114 * blue;
    else result.set(channels === 3 ? [red, green, blue] : [red, green, blue, source.channels === 2 ? data[at + 1]! : 1], pixel * channels);
  }
  return { width, height, channels, data: result };
}

/** With every value averaged over the area it covers. */
export function resize(picture: Picture, width: number, height: number): Picture {
  if (picture.width === width && picture.height === height) return picture;
  const { channels } = picture;
  const wide = new Float32Array(width * picture.height * channels);
  averageLines(picture.data, wide, {
    lines: picture.height,
    from: picture.width,
    to: width,
    step: channels,
    fromLine: picture.width * channels,
    toLine: width * channels,
    channels,
  });
  const data = new Float32Array(width * height * channels);
  const row = width * channels;
  averageLines(wide, data, { lines: 1, from: picture.height, to: height, step: row, fromLine: 0, toLine: 0, channels: row });
  return { width, height, channels, data };
}

/** With dark and bright exchanged; alpha stays. */
export function invert(picture: Picture): Picture {
  const colours = picture.channels === 4 ? 3 : picture.channels;
  return { ...picture, data: picture.data.map((value, i) => (i % picture.channels < colours ? 1 - value : value)) };
}

/** Mean of the outermost pixels of a picture of one channel. */
export function borderBrightness({ width, height, data }: Picture): number {
  let sum = 0;
  let count = 0;
  for (let y = 0; y < height; y++) {
    const isEdge = y === 0 || y === height - 1;
    for (let x = 0; x < width; x += isEdge ? 1 : Math.max(1, width - 1)) {
      sum += data[y * width + x]!;
      count++;
    }
  }
  return sum / count;
}

interface Lines {
  readonly lines: number;
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly fromLine: number;
  readonly toLine: number;
  readonly channels: number;
}

function averageLines(source: Float32Array, target: Float32Array, { lines, from, to, step, fromLine, toLine, channels }: Lines): void {
  const ratio = from / to;
  for (let i = 0; i < to; i++) {
    const [start, end] = [i * ratio, (i + 1) * ratio];
    for (let j = Math.floor(start); j < Math.min(Math.ceil(end), from); j++) {
      const share = (Math.min(end, j + 1) - Math.max(start, j)) / ratio;
      for (let line = 0; line < lines; line++) {
        for (let c = 0; c < channels; c++) target[line * toLine + i * step + c]! += share * source[line * fromLine + j * step + c]!;
      }
    }
  }
}

function unpack(data: ArrayLike<number>, samplesPerLine: number, lines: number, depth: number): Uint8Array {
  const bytesPerLine = Math.ceil((samplesPerLine * depth) / 8);
  const samples = new Uint8Array(samplesPerLine * lines);
  for (let line = 0; line < lines; line++) {
    for (let i = 0; i < samplesPerLine; i++) {
      const bit = i * depth;
      const byte = data[line * bytesPerLine + (bit >> 3)]!;
      samples[line * samplesPerLine + i] = (byte >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
    }
  }
  return samples;
}
