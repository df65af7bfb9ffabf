// STRING elements between their length-prefixed bytes and the runtime's JS strings.

import { readLength } from "../../tensor/rows.ts";

/** Reads `count` length-prefixed UTF-8 elements. */
export function decodeStrings(bytes: Uint8Array, count: number): string[] {
  // A Buffer decodes short texts faster than TextDecoder, and takes shared memory, which TextDecoder refuses.
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const strings = Array.from<string>({ length: count });
  let at = 0;
  for (let i = 0; i < count; i++) {
    const length = readLength(bytes, at);
    at += 4;
    strings[i] = buffer.toString("utf8", at, at + length);
    at += length;
  }
  return strings;
}

/** Writes strings as length-prefixed UTF-8 elements. */
export function encodeStrings(strings: readonly string[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const text of strings) length += 4 + Buffer.byteLength(text, "utf8");
  const bytes = new Uint8Array(new ArrayBuffer(length));
  const buffer = Buffer.from(bytes.buffer);
  let at = 0;
  for (const text of strings) {
    const written = buffer.write(text, at + 4, "utf8");
    buffer.writeUInt32LE(written, at);
    at += 4 + written;
  }
  return bytes;
}
