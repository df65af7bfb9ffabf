// inference.InferTensorContents, by hand: typed elements become the bytes that raw contents would have.

import { ELEMENT_BYTES } from "../../../tensor/dtype.ts";
import type { DType } from "../../../tensor/dtype.ts";
import type { TensorProblem } from "../../../tensor/tensor.ts";
import { toDatatype } from "./infer-datatype.ts";
import { writePrefixed } from "./prefixed-text.ts";
import { DecodeError, Reader } from "./reader.ts";

/** The field of an InferInputTensor that holds its typed elements. */
export const CONTENTS = 0x2a;

/** Names of the fields by their number. */
const FIELD_NAMES = [
  "",
  "bool_contents",
  "int_contents",
  "int64_contents",
  "uint_contents",
  "uint64_contents",
  "fp32_contents",
  "fp64_contents",
  "bytes_contents",
] as const;

/** Wire type of a packed field, and of one text. */
const PACKED = 2;

/** Wire types of one element by field. */
const WIRE_TYPES: readonly number[] = [-1, 0, 0, 0, 0, 0, 5, 1, PACKED];

/** The one field that is never packed. */
const BYTES_FIELD = 8;

/** The field that takes the elements of a data type; 0 for none. */
const FIELD_BY_DTYPE: Readonly<Record<DType, number>> = {
  BOOL: 1,
  INT8: 2,
  INT16: 2,
  INT32: 2,
  INT64: 3,
  UINT8: 4,
  UINT16: 4,
  UINT32: 4,
  UINT64: 5,
  FP32: 6,
  FP64: 7,
  STRING: BYTES_FIELD,
  FP16: 0,
  BF16: 0,
};

const NONE = Buffer.alloc(0);

/** The elements of one input. */
export interface Contents {
  /** As raw contents would have them; empty when there is a problem. */
  readonly bytes: Uint8Array;
  readonly problem: TensorProblem | undefined;
}

/**
 * Reads the typed elements of an input, however they are divided among its `contents`.
 * @param start where the input begins. @param end where it ends. @param maxBytes most bytes that may be made of them.
 * @returns undefined when there are no elements. @throws DecodeError.
 */
export function readContents(buffer: Buffer, start: number, end: number, dtype: DType, maxBytes: number): Contents | undefined {
  const field = FIELD_BY_DTYPE[dtype];
  const { count, textBytes, view, otherField } = measure(new Reader(buffer, start, end), field);
  if (otherField !== 0) return refuse("INPUT_TYPE_MISMATCH", otherField, whyNotHere(dtype, otherField));
  if (count === 0) return undefined;
  const byteLength = dtype === "STRING" ? 4 * count + textBytes : count * ELEMENT_BYTES[dtype];
  if (byteLength > maxBytes) {
    const why = `takes ${byteLength} bytes where the request's typed contents have ${maxBytes} left; send it as raw contents`;
    return refuse("INPUT_TOO_LARGE", field, why);
  }
  if (view !== undefined && isRaw(view, dtype)) return { bytes: view, problem: undefined };
  const reader = new Reader(buffer, start, end);
  const bytes = Buffer.allocUnsafe(byteLength);
  const why = dtype === "STRING" ? fillTexts(reader, bytes) : fillNumbers(reader, dtype, bytes);
  return why === undefined ? { bytes, problem: undefined } : refuse("INPUT_VALUE_INVALID", field, why);
}

function refuse(reason: TensorProblem["reason"], field: number, text: string): Contents {
  return { bytes: NONE, problem: { reason, field: `contents.${FIELD_NAMES[field]}`, text } };
}

function whyNotHere(dtype: DType, field: number): string {
  const own = FIELD_BY_DTYPE[dtype];
  const place = own === 0 ? "travel as raw contents only" : `belong in \`${FIELD_NAMES[own]}\``;
  return `has elements in \`${FIELD_NAMES[field]}\`; those of ${toDatatype(dtype)} ${place}`;
}

/**
 * Goes through the known fields of every `contents` of an input.
 * @param visit gets a field and its wire type, and leaves the cursor behind its content.
 */
function eachField(reader: Reader, visit: (field: number, wireType: number) => void): void {
  const { end } = reader;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== CONTENTS) {
      reader.skip(tag);
      continue;
    }
    reader.end = reader.length() + reader.at;
    for (let inner = reader.tag(); inner !== 0; inner = reader.tag()) {
      const field = inner >>> 3;
      const wireType = inner & 7;
      if (field <= BYTES_FIELD && (wireType === PACKED || wireType === WIRE_TYPES[field])) visit(field, wireType);
      else reader.skip(inner);
    }
    reader.end = end;
  }
}

/** What stands in the contents of one input. */
interface Extent {
  /** Elements in the field asked about. */
  readonly count: number;
  /** Bytes of those elements, when they are texts. */
  readonly textBytes: number;
  /** The content of that field when all of it is one packed chunk. */
  readonly view: Buffer | undefined;
  /** Another field that has elements; 0 for none. */
  readonly otherField: number;
}

function measure(reader: Reader, wanted: number): Extent {
  const { buffer } = reader;
  let count = 0;
  let textBytes = 0;
  let chunks = 0;
  let viewStart = 0;
  let viewEnd = 0;
  let otherField = 0;
  eachField(reader, (field, wireType) => {
    let elements = 1;
    let start = reader.at;
    if (wireType !== PACKED) reader.skip(wireType);
    else {
      const length = reader.length();
      start = reader.at;
      reader.at += length;
      if (field === BYTES_FIELD) textBytes += length;
      else elements = countPacked(buffer, start, reader.at, WIRE_TYPES[field]!);
    }
    if (elements === 0) return;
    if (field !== wanted) {
      otherField = field;
      return;
    }
    count += elements;
    chunks += wireType === PACKED ? 1 : 2;
    viewStart = start;
    viewEnd = reader.at;
  });
  return { count, textBytes, view: chunks === 1 ? buffer.subarray(viewStart, viewEnd) : undefined, otherField };
}

/** Number of elements in a packed field. */
function countPacked(buffer: Buffer, start: number, end: number, wireType: number): number {
  if (wireType !== 0) {
    const count = (end - start) / (wireType === 5 ? 4 : 8);
    if (!Number.isInteger(count)) throw new DecodeError("A packed field ends within a number.");
    return count;
  }
  let count = 0;
  for (let i = start; i < end; i++) if (buffer[i]! < 0x80) count++;
  if (end > start && buffer[end - 1]! >= 0x80) throw new DecodeError("A packed field ends within a number.");
  return count;
}

/** Whether a packed field is what raw contents would be: numbers of fixed length, and small ones of one byte each. */
function isRaw(packed: Buffer, dtype: DType): boolean {
  if (dtype === "FP32" || dtype === "FP64") return true;
  if (ELEMENT_BYTES[dtype] !== 1) return false;
  const max = dtype === "BOOL" ? 1 : 0x7f;
  for (let i = 0; i < packed.byteLength; i++) if (packed[i]! > max) return false;
  return true;
}

/** Writes all texts, each behind its length. */
function fillTexts(reader: Reader, bytes: Buffer): undefined {
  let at = 0;
  eachField(reader, () => {
    at = writePrefixed(reader, bytes, at);
  });
}

/** Writes all numbers. @returns why one of them cannot be taken; undefined when all can. */
function fillNumbers(reader: Reader, dtype: Exclude<DType, "STRING">, bytes: Buffer): string | undefined {
  const elementBytes = ELEMENT_BYTES[dtype];
  const readElement = READERS[dtype];
  let at = 0;
  let invalidAt = -1;
  eachField(reader, (_field, wireType) => {
    const outerEnd = reader.end;
    const end = wireType === PACKED ? reader.length() + reader.at : reader.at + 1;
    if (wireType === PACKED) reader.end = end;
    while (reader.at < end) {
      if (!readElement(reader, bytes, at) && invalidAt < 0) invalidAt = at;
      at += elementBytes;
    }
    reader.end = outerEnd;
  });
  return invalidAt < 0 ? undefined : `holds a value at element ${invalidAt / elementBytes} that ${dtype} has no room for`;
}

/** Reads one element and writes it. @returns false when the data type cannot hold it. */
type ReadElement = (reader: Reader, bytes: Buffer, at: number) => boolean;

function readInt64(reader: Reader, bytes: Buffer, at: number): boolean {
  reader.int64Into(bytes, at);
  return true;
}

function readInt32(reader: Reader, bytes: Buffer, at: number): boolean {
  bytes.writeInt32LE(reader.uint32() | 0, at);
  return true;
}

function readFixed(elementBytes: number): ReadElement {
  const wireType = elementBytes === 4 ? 5 : 1;
  return (reader, bytes, at) => {
    reader.skip(wireType);
    reader.buffer.copy(bytes, at, reader.at - elementBytes, reader.at);
    return true;
  };
}

function readNothing(): never {
  throw new Error("This data type has no typed contents. This is a bug.");
}

const READERS: Readonly<Record<Exclude<DType, "STRING">, ReadElement>> = {
  BOOL(reader, bytes, at) {
    bytes[at] = reader.int64() === 0 ? 0 : 1;
    return true;
  },
  INT8(reader, bytes, at) {
    const value = reader.uint32() | 0;
    bytes[at] = value;
    return value === (value << 24) >> 24;
  },
  INT16(reader, bytes, at) {
    const value = reader.uint32() | 0;
    bytes[at] = value;
    bytes[at + 1] = value >> 8;
    return value === (value << 16) >> 16;
  },
  INT32: readInt32,
  INT64: readInt64,
  UINT8(reader, bytes, at) {
    const value = reader.uint32();
    bytes[at] = value;
    return value <= 0xff;
  },
  UINT16(reader, bytes, at) {
    const value = reader.uint32();
    bytes[at] = value;
    bytes[at + 1] = value >> 8;
    return value <= 0xffff;
  },
  UINT32: readInt32,
  UINT64: readInt64,
  FP32: readFixed(4),
  FP64: readFixed(8),
  FP16: readNothing,
  BF16: readNothing,
};
