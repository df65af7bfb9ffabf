// Messages with bytes behind them, as they cross the pipe between the server and a worker process.

import type { Writable } from "node:stream";

// A frame: length of the message (u32), length of the bytes (f64), the message as JSON, the bytes.
const PREFIX_BYTES = 12;

/** Lengths above these are no frame of ours; whoever reads one has lost its place. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const MAX_BODY_BYTES = 2 ** 40;

const NOTHING = Buffer.alloc(0);

/** Writes a frame. The bytes must not change until the other side has them. */
export function writeFrame(stream: Writable, message: object, body: readonly Uint8Array[] = []): void {
  const text = JSON.stringify(message);
  const length = Buffer.byteLength(text);
  const head = Buffer.allocUnsafe(PREFIX_BYTES + length);
  let bodyBytes = 0;
  for (const { byteLength } of body) bodyBytes += byteLength;
  head.writeUInt32LE(length, 0);
  head.writeDoubleLE(bodyBytes, 4);
  head.write(text, PREFIX_BYTES);
  stream.cork();
  stream.write(head);
  for (const bytes of body) if (bytes.byteLength > 0) stream.write(bytes);
  stream.uncork();
}

/** What takes the frames. */
export interface FrameHandler<T> {
  /** A message is there. @returns what takes its bytes, piece by piece; a piece is only valid during the call. */
  begin(message: T, bodyBytes: number): (piece: Uint8Array) => void;
  /** All bytes of that message are there. */
  end(message: T): void;
}

/** Cuts what a stream brings into frames. */
export class FrameReader<T> {
  readonly #handler: FrameHandler<T>;
  #head: Buffer = NOTHING;
  #message: T | undefined;
  #append: (piece: Uint8Array) => void = () => {};
  #missing = 0;

  constructor(handler: FrameHandler<T>) {
    this.#handler = handler;
  }

  /** Takes a piece of the stream, which it does not keep. @throws when it is no stream of frames. */
  push(piece: Buffer): void {
    let at = 0;
    while (at < piece.length) at += this.#missing > 0 ? this.#readBody(piece, at) : this.#readHead(piece, at);
  }

  #readBody(piece: Buffer, at: number): number {
    const length = Math.min(this.#missing, piece.length - at);
    this.#append(piece.subarray(at, at + length));
    this.#missing -= length;
    if (this.#missing === 0) this.#handler.end(this.#message!);
    return length;
  }

  #readHead(piece: Buffer, at: number): number {
    const kept = this.#head.length;
    const rest = piece.subarray(at);
    const head = kept === 0 ? rest : Buffer.concat([this.#head, rest]);
    const length = head.length < PREFIX_BYTES ? Infinity : head.readUInt32LE(0);
    if (length !== Infinity && length > MAX_MESSAGE_BYTES) throw new Error("The pipe brings no frames.");
    if (head.length < PREFIX_BYTES + length) {
      this.#head = kept === 0 ? Buffer.from(rest) : head;
      return rest.length;
    }
    const bodyBytes = head.readDoubleLE(4);
    if (!Number.isSafeInteger(bodyBytes) || bodyBytes < 0 || bodyBytes > MAX_BODY_BYTES) throw new Error("The pipe brings no frames.");
    this.#head = NOTHING;
    this.#message = JSON.parse(head.toString("utf8", PREFIX_BYTES, PREFIX_BYTES + length)) as T;
    this.#append = this.#handler.begin(this.#message, bodyBytes);
    this.#missing = bodyBytes;
    if (bodyBytes === 0) this.#handler.end(this.#message);
    return PREFIX_BYTES + length - kept;
  }
}
