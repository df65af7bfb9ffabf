// Cuts a stream of HTTP/2 data into gRPC messages: a view where a message lies within one chunk, one copy where it does not.

import { hotCounters } from "../../telemetry/instruments.ts";
import { GrowingBuffer } from "./buffer-pool.ts";

/** Flag byte and length in front of every message. */
export const PREFIX_BYTES = 5;

/** Gets what the reader finds. */
export interface FrameListener {
  /** A prefix declares a message of this size. false holds the reader until `admit`. */
  onPrefix(declaredBytes: number): boolean;
  /** A whole message. `release` gives its memory back; a message that is never released is only garbage. */
  onFrame(message: Buffer, compressed: boolean, release: () => void): void;
  /** A prefix declares more than the limit; nothing more is read. */
  onOversize(declaredBytes: number): void;
}

const keep = (): void => {};

/** Reads one stream. */
export class FrameReader {
  readonly #limitBytes: number;
  readonly #listener: FrameListener;
  readonly #held: Buffer[] = [];
  #paused = false;
  #ended = false;
  #prefix: Buffer | undefined;
  #prefixFilled = 0;
  #compressed = false;
  /** Size of the message whose prefix has been read and whose body has not begun; -1 for none. */
  #awaited = -1;
  #body: GrowingBuffer | undefined;

  constructor(limitBytes: number, listener: FrameListener) {
    this.#limitBytes = limitBytes;
    this.#listener = listener;
  }

  /** Whether bytes of an unfinished message, or unread ones, are here. */
  get hasRest(): boolean {
    return this.#held.length > 0 || this.#prefixFilled > 0 || this.#awaited >= 0 || this.#body !== undefined;
  }

  /** Holds back what comes until `resume`. */
  pause(): void {
    this.#paused = true;
  }

  /** Delivers what was held back, until somebody pauses again. */
  resume(): void {
    this.#paused = false;
    while (!this.#paused && this.#held.length > 0) this.#consume(this.#held.shift()!);
  }

  /** Reads nothing more and frees what is unfinished. */
  end(): void {
    this.#ended = true;
    this.#held.length = 0;
    this.#body?.release();
    this.#body = undefined;
  }

  /** Takes the next data. */
  push(chunk: Buffer): void {
    if (this.#ended) return;
    if (this.#paused) this.#held.push(chunk);
    else this.#consume(chunk);
  }

  #consume(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#ended) return;
      if (this.#paused) {
        this.#held.unshift(chunk.subarray(at));
        return;
      }
      if (this.#body !== undefined) at = this.#readBody(chunk, at);
      else if (this.#awaited >= 0) at = this.#beginBody(chunk, at);
      else at = this.#readPrefix(chunk, at);
    }
  }

  /** Reads a prefix, and the message too when it lies within the chunk and is admitted. */
  #readPrefix(chunk: Buffer, start: number): number {
    let at = start;
    let prefix = chunk;
    let prefixAt = at;
    if (this.#prefixFilled > 0 || chunk.length - at < PREFIX_BYTES) {
      prefix = this.#prefix ??= Buffer.allocUnsafe(PREFIX_BYTES);
      prefixAt = 0;
      const count = Math.min(PREFIX_BYTES - this.#prefixFilled, chunk.length - at);
      chunk.copy(prefix, this.#prefixFilled, at, at + count);
      this.#prefixFilled += count;
      at += count;
      if (this.#prefixFilled < PREFIX_BYTES) return at;
      this.#prefixFilled = 0;
    } else {
      at += PREFIX_BYTES;
    }
    this.#compressed = prefix[prefixAt] !== 0;
    const length = prefix.readUInt32BE(prefixAt + 1);
    if (length > this.#limitBytes) {
      this.end();
      this.#listener.onOversize(length);
      return chunk.length;
    }
    this.#awaited = length;
    if (this.#listener.onPrefix(length)) return this.#beginBody(chunk, at);
    this.#paused = true;
    return at;
  }

  /** Delivers a message that lies within the chunk, or makes room for one that does not. */
  #beginBody(chunk: Buffer, at: number): number {
    const length = this.#awaited;
    if (chunk.length - at >= length) {
      this.#awaited = -1;
      this.#listener.onFrame(chunk.subarray(at, at + length), this.#compressed, keep);
      return at + length;
    }
    this.#awaited = -1;
    this.#body = new GrowingBuffer(length);
    return at;
  }

  #readBody(chunk: Buffer, at: number): number {
    const body = this.#body!;
    const count = Math.min(body.missing, chunk.length - at);
    body.append(chunk, at, at + count);
    hotCounters.reassemblyBytesCopied += count;
    if (body.missing === 0) {
      this.#body = undefined;
      this.#listener.onFrame(body.bytes, this.#compressed, () => body.release());
    }
    return at + count;
  }
}
