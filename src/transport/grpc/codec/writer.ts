// Writes protobuf fields into a buffer whose size has been computed before.

/** Strings up to this length are written byte by byte, which beats the call into the runtime. */
const MAX_INLINE_CHARS = 24;

/** Bytes of a varint. */
export function varintSize(value: number): number {
  let size = 1;
  let rest = value;
  while (rest >= 0x80) {
    size++;
    rest = Math.floor(rest / 0x80);
  }
  return size;
}

/** UTF-8 bytes of a string. */
export function textSize(text: string): number {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return Buffer.byteLength(text, "utf8");
  return text.length;
}

/** Bytes of a string or bytes field with a one-byte tag, from the length of its content; 0 when it is empty and so left out. */
export function textFieldSize(length: number): number {
  return length === 0 ? 0 : 1 + varintSize(length) + length;
}

/** Bytes of an unsigned number field with a one-byte tag; 0 when it is 0 and so left out. */
export function uintFieldSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

/** A cursor over the buffer to fill. */
export class Writer {
  readonly buffer: Buffer;
  at: number;

  constructor(buffer: Buffer, at = 0) {
    this.buffer = buffer;
    this.at = at;
  }

  /** An unsigned number up to 2^53. */
  varint(value: number): void {
    const { buffer } = this;
    let rest = value;
    while (rest >= 0x80) {
      // The remainder and not a bit mask: numbers above 2^32 have no bits to mask.
      buffer[this.at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    buffer[this.at++] = rest;
  }

  /** A number field, left out when it is 0. */
  uintField(tag: number, value: number): void {
    if (value === 0) return;
    this.buffer[this.at++] = tag;
    this.varint(value);
  }

  /** A string field, left out when it is empty. @param length its UTF-8 bytes. */
  textField(tag: number, text: string, length: number): void {
    if (length === 0) return;
    const { buffer } = this;
    buffer[this.at++] = tag;
    this.varint(length);
    if (length === text.length && length <= MAX_INLINE_CHARS) {
      for (let i = 0; i < length; i++) buffer[this.at++] = text.charCodeAt(i);
    } else {
      this.at += buffer.write(text, this.at, "utf8");
    }
  }

  /** Tag and length of a field whose content follows. */
  lengthPrefix(tag: number, length: number): void {
    this.buffer[this.at++] = tag;
    this.varint(length);
  }

  /** Raw bytes. */
  raw(bytes: Uint8Array): void {
    this.buffer.set(bytes, this.at);
    this.at += bytes.byteLength;
  }
}
