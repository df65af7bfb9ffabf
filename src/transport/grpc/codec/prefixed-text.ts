// Texts of a message as the elements of a STRING tensor: each behind its length.

import type { Reader } from "./reader.ts";

/** Up to this length a loop beats the call into the runtime. */
const MAX_INLINE_BYTES = 16;

/** Reads a length-delimited field and writes it behind a 4-byte little-endian length. @returns where the next element goes. */
export function writePrefixed(reader: Reader, bytes: Buffer, at: number): number {
  const { buffer } = reader;
  const length = reader.length();
  bytes[at] = length;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length >>> 16;
  bytes[at + 3] = length >>> 24;
  const start = at + 4;
  if (length <= MAX_INLINE_BYTES) for (let i = 0; i < length; i++) bytes[start + i] = buffer[reader.at + i]!;
  else buffer.copy(bytes, start, reader.at, reader.at + length);
  reader.at += length;
  return start + length;
}
