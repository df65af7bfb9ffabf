// Reads protobuf fields out of a message without copying.

import { isUtf8 } from "node:buffer";

/** The bytes are not a protobuf message of the expected kind. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

/** Groups are obsolete; nesting deeper than this in an unknown one is refused. */
const MAX_GROUP_DEPTH = 32;

/** A cursor over one message or one of its fields. */
export class Reader {
  readonly buffer: Buffer;
  /** Next byte to read. */
  at: number;
  /** End of what may be read. */
  end: number;

  constructor(buffer: Buffer, at = 0, end = buffer.length) {
    this.buffer = buffer;
    this.at = at;
    this.end = end;
  }

  /** Next tag; 0 at the end. */
  tag(): number {
    if (this.at >= this.end) return 0;
    const tag = this.uint32();
    if (tag >>> 3 === 0) throw new DecodeError("A field has number 0.");
    return tag;
  }

  /** A varint; bits above 32 are dropped. */
  uint32(): number {
    const { buffer } = this;
    let byte = this.#next();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let shift = 7; shift < 70; shift += 7) {
      byte = buffer[this.at]!;
      if (this.at++ >= this.end) throw new DecodeError("The message ends within a number.");
      if (shift < 35) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new DecodeError("A number is longer than 10 bytes.");
  }

  /** A signed 64-bit varint as a number: exact up to 2^53, beyond that of the right sign and magnitude. */
  int64(): number {
    const first = this.#next();
    if (first < 0x80) return first;
    let low = first & 0x7f;
    let high = 0;
    for (let shift = 7; shift < 70; shift += 7) {
      const byte = this.#next();
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) return high * 2 ** 32 + (low >>> 0);
    }
    throw new DecodeError("A number is longer than 10 bytes.");
  }

  /** A 64-bit varint, exact, written as 8 little-endian bytes. */
  int64Into(target: Buffer, at: number): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#next();
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        target.writeInt32LE(low, at);
        target.writeInt32LE(high, at + 4);
        return;
      }
    }
    throw new DecodeError("A number is longer than 10 bytes.");
  }

  /** Length of a length-delimited field; the cursor stands at its first byte. */
  length(): number {
    const length = this.uint32();
    if (length > this.end - this.at) throw new DecodeError("A field is longer than its message.");
    return length;
  }

  /** A view of a length-delimited field. */
  bytes(): Buffer {
    const length = this.length();
    const start = this.at;
    this.at += length;
    return this.buffer.subarray(start, this.at);
  }

  /** A string field. */
  string(): string {
    const length = this.length();
    const start = this.at;
    const end = (this.at += length);
    const { buffer } = this;
    for (let i = start; i < end; i++) {
      if (buffer[i]! < 0x80) continue;
      if (!isUtf8(buffer.subarray(start, end))) throw new DecodeError("A string is not UTF-8.");
      return buffer.toString("utf8", start, end);
    }
    return length === 0 ? "" : buffer.toString("latin1", start, end);
  }

  /** Passes over a field that is not known. */
  skip(tag: number, depth = 0): void {
    const wireType = tag & 7;
    if (wireType === 0) this.uint32();
    else if (wireType === 1) this.#advance(8);
    else if (wireType === 2) this.#advance(this.length());
    else if (wireType === 5) this.#advance(4);
    else if (wireType === 3 && depth < MAX_GROUP_DEPTH) this.#skipGroup(tag >>> 3, depth);
    else throw new DecodeError("A field has an unknown wire type.");
  }

  #skipGroup(field: number, depth: number): void {
    for (;;) {
      const tag = this.tag();
      if (tag === 0) throw new DecodeError("A group does not end.");
      if ((tag & 7) === 4) {
        if (tag >>> 3 !== field) throw new DecodeError("A group ends with another number.");
        return;
      }
      this.skip(tag, depth + 1);
    }
  }

  #next(): number {
    if (this.at >= this.end) throw new DecodeError("The message ends within a number.");
    return this.buffer[this.at++]!;
  }

  #advance(count: number): void {
    if (count > this.end - this.at) throw new DecodeError("A field is longer than its message.");
    this.at += count;
  }
}
