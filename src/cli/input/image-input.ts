// `--image`: PNG files as the tensor of a model's only input.

import type { DType, Tensor, TensorSpec } from "../../client/client.ts";
import { tensor, toHalf } from "../../client/client.ts";
import { formatDims } from "../output/format.ts";
import { UsageError } from "../usage-error.ts";
import type { ImageLayout } from "./image-layout.ts";
import { imageLayout } from "./image-layout.ts";
import type { Picture } from "./picture.ts";
import { borderBrightness, decodePng, invert, resize, toChannels } from "./picture.ts";

/** When pictures are inverted: `auto` means for a model of one channel and a picture with a bright border. */
export type Invert = "auto" | "on" | "off";

/** A picture file's name, for messages, and its bytes. */
export interface ImageFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * One row for each picture.
 * @throws UsageError for a file that is not a PNG, and a model that takes something else.
 */
export function tensorsFromImages(files: readonly ImageFile[], inputs: readonly TensorSpec[], when: Invert): readonly Tensor[] {
  const [spec, ...others] = inputs;
  if (spec === undefined || others.length > 0) throw new UsageError(`--image needs a model with one input; this one has ${inputs.length}.`);
  const layout = imageLayout(spec);
  const rows = spec.dims[0]!.size;
  if (layout.batch ? rows >= 0 && rows !== files.length : files.length !== 1) {
    throw new UsageError(`--image: input "${spec.name}" takes ${formatDims(spec)}, not ${files.length} pictures.`);
  }
  const pictures = files.map(({ name, bytes }) => prepare(decode(name, bytes), layout, when));
  const { width, height } = pictures[0]!;
  const other = pictures.findIndex((picture) => picture.width !== width || picture.height !== height);
  if (other >= 0)
    throw new UsageError(`--image: ${files[other]!.name} is not ${width}×${height} pixels as the first one, and the model takes any size.`);

  const size = width * height * layout.channels;
  const all = new Float32Array(size * pictures.length);
  for (const [i, picture] of pictures.entries()) all.set(layout.channelAxis === "first" ? planes(picture) : picture.data, i * size);
  const shape = { first: [layout.channels, height, width], last: [height, width, layout.channels], none: [height, width] }[
    layout.channelAxis
  ];
  return [brightness(spec.name, all, layout.batch ? [pictures.length, ...shape] : shape, spec.dtype)];
}

function decode(name: string, bytes: Uint8Array): Picture {
  try {
    return decodePng(bytes);
  } catch (error) {
    throw new UsageError(`--image: ${name} is not a PNG that can be read (${(error as Error).message}).`);
  }
}

function prepare(decoded: Picture, { channels, width, height }: ImageLayout, when: Invert): Picture {
  const picture = toChannels(decoded, channels);
  const inverted = when === "on" || (when === "auto" && channels === 1 && borderBrightness(picture) > 0.5);
  return resize(inverted ? invert(picture) : picture, width < 0 ? picture.width : width, height < 0 ? picture.height : height);
}

function planes({ width, height, channels, data }: Picture): Float32Array {
  return data.map((_, i) => data[(i % (width * height)) * channels + Math.floor(i / (width * height))]!);
}

function brightness(name: string, data: Float32Array, shape: readonly number[], dtype: DType): Tensor {
  switch (dtype) {
    case "UINT8":
      return tensor(
        name,
        Uint8Array.from(data, (value) => Math.round(value * 255)),
        shape,
      );
    case "FP64":
      return tensor(name, Float64Array.from(data), shape);
    case "FP16":
      return tensor(name, Uint16Array.from(data, toHalf), shape, "FP16");
    default:
      return tensor(name, data, shape);
  }
}
