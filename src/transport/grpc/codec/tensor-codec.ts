// predictd.v1.Tensor, by hand: decoding keeps a view of the bytes, encoding writes once.

import { DTYPE_BY_NUMBER, NUMBER_BY_DTYPE } from "../../../tensor/dtype.ts";
import { readLength } from "../../../tensor/rows.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { hotCounters } from "../../../telemetry/instruments.ts";
import type { Reader } from "./reader.ts";
import { textFieldSize, textSize, uintFieldSize, varintSize } from "./writer.ts";
import type { Writer } from "./writer.ts";

const NAME = 0x0a;
const DATA_TYPE = 0x10;
const SHAPE_PACKED = 0x1a;
const SHAPE = 0x18;
const RAW = 0x22;
const STRINGS = 0x2a;

const EMPTY = Buffer.alloc(0);

/** Reads one tensor that ends at `end`. */
export function decodeTensor(reader: Reader, end: number): Tensor {
  const outerEnd = reader.end;
  reader.end = end;
  let name = "";
  let number = 0;
  const shape: number[] = [];
  let raw: Buffer = EMPTY;
  let strings: [start: number, end: number][] | undefined;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === NAME) name = reader.string();
    else if (tag === DATA_TYPE) number = reader.uint32();
    else if (tag === SHAPE_PACKED) {
      const packedEnd = reader.length() + reader.at;
      reader.end = packedEnd;
      while (reader.at < packedEnd) shape.push(reader.int64());
      reader.end = end;
    } else if (tag === SHAPE) shape.push(reader.int64());
    else if (tag === RAW) raw = reader.bytes();
    else if (tag === STRINGS) {
      const length = reader.length();
      (strings ??= []).push([reader.at, reader.at + length]);
      reader.at += length;
    } else reader.skip(tag);
  }
  reader.end = outerEnd;
  const dtype = DTYPE_BY_NUMBER[number];
  let problem: Tensor["problem"];
  let bytes: Uint8Array = raw;
  if (dtype === "STRING") {
    if (raw.byteLength > 0) problem = { field: "raw", text: "is of type STRING, whose elements belong in `strings`" };
    bytes = packStrings(reader.buffer, strings ?? []);
  } else if (strings !== undefined) {
    problem = { field: "strings", text: `is of type ${dtype ?? "unknown"}, whose elements belong in \`raw\`` };
  }
  return { name, dtype, shape, bytes, problem };
}

/** Elements of a repeated field as length-prefixed bytes. */
function packStrings(buffer: Buffer, strings: readonly (readonly [start: number, end: number])[]): Uint8Array {
  let length = 0;
  for (const [start, end] of strings) length += 4 + end - start;
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const [start, end] of strings) {
    bytes.writeUInt32LE(end - start, at);
    buffer.copy(bytes, at + 4, start, end);
    at += 4 + end - start;
  }
  return bytes;
}

/** Bytes that `encodeTensor` will write. */
export function tensorSize({ name, dtype, shape, bytes }: Tensor): number {
  const shapeLength = shapeSize(shape);
  const size = textFieldSize(textSize(name)) + uintFieldSize(NUMBER_BY_DTYPE[dtype!]) + textFieldSize(shapeLength);
  return size + (dtype === "STRING" ? stringsSize(bytes) : textFieldSize(bytes.byteLength));
}

/** Writes one tensor. */
export function encodeTensor(writer: Writer, { name, dtype, shape, bytes }: Tensor): void {
  writer.textField(NAME, name, textSize(name));
  writer.uintField(DATA_TYPE, NUMBER_BY_DTYPE[dtype!]);
  if (shape.length > 0) {
    writer.lengthPrefix(SHAPE_PACKED, shapeSize(shape));
    for (const dim of shape) writer.varint(dim);
  }
  hotCounters.responseBytesCopied += bytes.byteLength;
  if (dtype === "STRING") encodeStringFields(writer, bytes);
  else if (bytes.byteLength > 0) {
    writer.lengthPrefix(RAW, bytes.byteLength);
    writer.raw(bytes);
  }
}

function shapeSize(shape: readonly number[]): number {
  let size = 0;
  for (const dim of shape) size += varintSize(dim);
  return size;
}

function stringsSize(bytes: Uint8Array): number {
  let size = 0;
  for (let at = 0; at < bytes.byteLength;) {
    const length = readLength(bytes, at);
    size += 1 + varintSize(length) + length;
    at += 4 + length;
  }
  return size;
}

function encodeStringFields(writer: Writer, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.byteLength;) {
    const length = readLength(bytes, at);
    writer.lengthPrefix(STRINGS, length);
    writer.raw(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
}
