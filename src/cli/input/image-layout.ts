// How a model takes pictures, read off its signature.

import type { TensorSpec } from "../../client/client.ts";
import { formatDims } from "../output/format.ts";
import { UsageError } from "../usage-error.ts";

/** Where rows, channels, height and width of a picture stand. A size of -1 is free. */
export interface ImageLayout {
  /** Whether the first dimension counts pictures. */
  readonly batch: boolean;
  readonly channels: 1 | 3 | 4;
  /** Whether channels stand before height and width, behind them, or nowhere. */
  readonly channelAxis: "first" | "last" | "none";
  readonly height: number;
  readonly width: number;
}

/**
 * Reads NCHW, NHWC, CHW, HWC, NHW and HW.
 * @throws UsageError for any other shape, and for a type that does not hold brightness.
 */
export function imageLayout(spec: TensorSpec): ImageLayout {
  if (!["FP32", "FP64", "FP16", "UINT8"].includes(spec.dtype)) {
    throw new UsageError(`--image needs an input of FP16, FP32, FP64 or UINT8; "${spec.name}" is ${spec.dtype}.`);
  }
  const sizes = spec.dims.map(({ size }) => size);
  const candidates: readonly (ImageLayout | false)[] = [
    sizes.length === 4 && channelsFirst(sizes.slice(1), true),
    sizes.length === 4 && channelsLast(sizes.slice(1), true),
    sizes.length === 3 && channelsFirst(sizes, false),
    sizes.length === 3 && channelsLast(sizes, false),
    sizes.length === 3 && { batch: true, channels: 1, channelAxis: "none", height: sizes[1]!, width: sizes[2]! },
    sizes.length === 2 && { batch: false, channels: 1, channelAxis: "none", height: sizes[0]!, width: sizes[1]! },
  ];
  const layout = candidates.find((candidate) => candidate !== false);
  if (layout) return layout;
  throw new UsageError(`--image needs an input of [N, channels, height, width] or the like; "${spec.name}" is ${formatDims(spec)}.`);
}

function channelsFirst([channels, height, width]: readonly number[], batch: boolean): ImageLayout | false {
  return isChannels(channels) && { batch, channels, channelAxis: "first", height: height!, width: width! };
}

function channelsLast([height, width, channels]: readonly number[], batch: boolean): ImageLayout | false {
  return isChannels(channels) && { batch, channels, channelAxis: "last", height: height!, width: width! };
}

function isChannels(size: number | undefined): size is 1 | 3 | 4 {
  return size === 1 || size === 3 || size === 4;
}
