// Buffers for messages that come in several frames, used again so that large uploads do not feed the garbage collector.

/** Smaller messages are allocated: that is as cheap as the pool. */
const MIN_BYTES = 32 * 1024;

/** Larger ones are not kept: they would occupy the pool for a rare guest. */
const MAX_BYTES = 16 * 1024 * 1024;

/** What the pool keeps at most. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

const kept = new Map<number, ArrayBuffer[]>();
let keptBytes = 0;

/** A declared size is believed only so far: what a caller says costs it nothing, memory costs us. */
const MAX_FIRST_BYTES = 1024 * 1024;

/** A buffer of at least the size asked for, cut to it. */
function acquireBuffer(byteLength: number): Buffer {
  if (byteLength < MIN_BYTES) return Buffer.allocUnsafe(byteLength);
  const size = 2 ** Math.ceil(Math.log2(byteLength));
  const memory = size > MAX_BYTES ? undefined : kept.get(size)?.pop();
  if (memory === undefined) {
    const capacity = size > MAX_BYTES ? byteLength : size;
    return Buffer.allocUnsafeSlow(capacity).subarray(0, byteLength);
  }
  keptBytes -= size;
  return Buffer.from(memory, 0, byteLength);
}

/** Gives a buffer of `acquireBuffer` back. Nobody may read it afterwards. */
function releaseBuffer(buffer: Buffer): void {
  // Memory that is shared with others.
  if (buffer.byteLength < MIN_BYTES) return;
  const memory = buffer.buffer as ArrayBuffer;
  const size = memory.byteLength;
  if (size > MAX_BYTES || keptBytes + size > MAX_KEPT_BYTES) {
    // Frees it now: left to the garbage collector it would stand beside the next messages, far above what the byte budget allows.
    memory.transfer(0);
    return;
  }
  const list = kept.get(size);
  if (list === undefined) kept.set(size, [memory]);
  else list.push(memory);
  keptBytes += size;
}

/** Collects a message of a declared size; its memory grows with the bytes that really come. */
export class GrowingBuffer {
  readonly #size: number;
  #buffer: Buffer;
  #filled = 0;
  #released = false;

  /** @param size declared bytes. */
  constructor(size: number) {
    this.#size = size;
    this.#buffer = acquireBuffer(Math.min(size, MAX_FIRST_BYTES));
  }

  /** Bytes still to come. */
  get missing(): number {
    return this.#size - this.#filled;
  }

  /** Declared bytes. */
  get size(): number {
    return this.#size;
  }

  /** What has come. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#filled);
  }

  /** Adds bytes; never more than are missing. */
  append(source: Buffer, start: number, end: number): void {
    const needed = this.#filled + end - start;
    if (needed > this.#size) throw new Error("More bytes than declared were appended. This is a bug.");
    if (needed > this.#buffer.byteLength) {
      const larger = acquireBuffer(Math.min(this.#size, Math.max(needed, 2 * this.#buffer.byteLength)));
      this.#buffer.copy(larger, 0, 0, this.#filled);
      releaseBuffer(this.#buffer);
      this.#buffer = larger;
    }
    source.copy(this.#buffer, this.#filled, start, end);
    this.#filled = needed;
  }

  /** Gives the memory back; nobody may read it afterwards. Releasing twice is harmless. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    releaseBuffer(this.#buffer);
  }
}
