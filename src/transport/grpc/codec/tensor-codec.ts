// predictd.v1.Tensor, by hand: decoding keeps a view of the bytes, encoding writes once.

import { DTYPE_BY_NUMBER, NUMBER_BY_DTYPE } from "../../../tensor/dtype.ts";
import { readLength } from "../../../tensor/rows.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { hotCounters } from "../../../telemetry/instruments.ts";
import { writePrefixed } from "./prefixed-text.ts";
import { Reader } from "./reader.ts";
import { encodeShape, readDim, readPackedDims, shapeSize } from "./shape.ts";
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
  const start = reader.at;
  let stringCount = 0;
  let stringBytes = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === NAME) name = reader.string();
    else if (tag === DATA_TYPE) number = reader.uint32();
    else if (tag === SHAPE_PACKED) readPackedDims(reader, shape);
    else if (tag === SHAPE) readDim(reader, shape);
    else if (tag === RAW) raw = reader.bytes();
    else if (tag === STRINGS) {
      const length = reader.length();
      reader.at += length;
      stringCount++;
      stringBytes += length;
    } else reader.skip(tag);
  }
  reader.end = outerEnd;
  const dtype = DTYPE_BY_NUMBER[number];
  let problem: Tensor["problem"];
  let bytes: Uint8Array = raw;
  if (dtype === "STRING") {
    if (raw.byteLength > 0)
      problem = { reason: "INPUT_VALUE_INVALID", field: "raw", text: "is of type STRING, whose elements belong in `strings`" };
    bytes = packStrings(new Reader(reader.buffer, start, end), stringCount, stringBytes);
  } else if (stringCount > 0) {
    problem = {
      reason: "INPUT_VALUE_INVALID",
      field: "strings",
      text: `is of type ${dtype ?? "unknown"}, whose elements belong in \`raw\``,
    };
  }
  return { name, dtype, shape, bytes, problem };
}

/** Elements of the repeated field as length-prefixed bytes. Reads the tensor a second time, so that millions of elements need no list. */
function packStrings(reader: Reader, count: number, byteLength: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(4 * count + byteLength);
  let at = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== STRINGS) {
      reader.skip(tag);
      continue;
    }
    at = writePrefixed(reader, bytes, at);
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
  encodeShape(writer, SHAPE_PACKED, shape);
  hotCounters.responseBytesCopied += bytes.byteLength;
  if (dtype === "STRING") encodeStringFields(writer, bytes);
  else if (bytes.byteLength > 0) {
    writer.lengthPrefix(RAW, bytes.byteLength);
    writer.raw(bytes);
  }
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
