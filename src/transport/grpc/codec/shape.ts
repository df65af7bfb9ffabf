// Shapes on the wire: repeated int64, packed or not.

import { DecodeError } from "./reader.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";
import { varintSize } from "./writer.ts";

/** Most dimensions of a tensor; the runtime itself stops far below. */
const MAX_DIMS = 64;

/** Reads one dimension that is not packed. @throws DecodeError. */
export function readDim(reader: Reader, shape: number[]): void {
  if (shape.length === MAX_DIMS) throw new DecodeError(`A tensor has more than ${MAX_DIMS} dimensions.`);
  shape.push(reader.int64());
}

/** Reads packed dimensions. @throws DecodeError. */
export function readPackedDims(reader: Reader, shape: number[]): void {
  const { end } = reader;
  const packedEnd = reader.length() + reader.at;
  reader.end = packedEnd;
  while (reader.at < packedEnd) readDim(reader, shape);
  reader.end = end;
}

/** Bytes of the dimensions, packed. */
export function shapeSize(shape: readonly number[]): number {
  let size = 0;
  for (const dim of shape) size += varintSize(dim);
  return size;
}

/** Writes the dimensions packed; nothing for a scalar. */
export function encodeShape(writer: Writer, tag: number, shape: readonly number[]): void {
  if (shape.length === 0) return;
  writer.lengthPrefix(tag, shapeSize(shape));
  for (const dim of shape) writer.varint(dim);
}
