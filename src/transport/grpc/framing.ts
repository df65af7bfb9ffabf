// gRPC's prefix in front of messages that we encode by hand.

import { PREFIX_BYTES } from "./frame-reader.ts";
import { Writer } from "./codec/writer.ts";

/** One frame of a message whose size is known: allocated once, written once. */
export function frame(size: number, encode: (writer: Writer) => void): Buffer {
  const buffer = Buffer.allocUnsafe(PREFIX_BYTES + size);
  writeFrame(new Writer(buffer), size, encode);
  return buffer;
}

/** Writes one frame where the writer stands. */
export function writeFrame(writer: Writer, size: number, encode: (writer: Writer) => void): void {
  const { buffer } = writer;
  buffer[writer.at] = 0;
  buffer.writeUInt32BE(size, writer.at + 1);
  writer.at += PREFIX_BYTES;
  encode(writer);
}
