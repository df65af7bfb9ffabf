// Shared memory in which a batch is assembled and from which a worker runs it.

import { hotCounters } from "../../telemetry/instruments.ts";

/** Inputs start at multiples of this: a cache line, and enough for every vector instruction. */
const ALIGNMENT = 64;

/** Smallest slot, so that small models never grow it. */
const MIN_BYTES = 64 * 1024;

/** Below this a plain copy costs no more than the detour. */
const MIN_STAGED_BYTES = 1024;

/** A copy between memories of different alignment into shared memory runs byte by byte; this aligned stage avoids that. */
let stage = new Uint8Array(0);

/** One batch's input memory, grown when needed and used again. */
export class Slot {
  #buffer = new SharedArrayBuffer(0);
  #bytes = new Uint8Array(this.#buffer);
  #used = 0;
  #changed = true;

  /** The memory to hand to the worker. */
  get buffer(): SharedArrayBuffer {
    return this.#buffer;
  }

  /** What has been put in, from the first input's start to the last one's end. */
  get filled(): Uint8Array {
    return this.#bytes.subarray(0, this.#used);
  }

  /** Makes room for a new batch. @param byteLength of all inputs; alignment is added here. */
  reset(byteLength: number, inputs: number): void {
    this.#used = 0;
    const needed = byteLength + inputs * ALIGNMENT;
    if (needed <= this.#buffer.byteLength) return;
    this.#buffer = new SharedArrayBuffer(Math.max(MIN_BYTES, 2 ** Math.ceil(Math.log2(needed))));
    this.#bytes = new Uint8Array(this.#buffer);
    this.#changed = true;
  }

  /** Starts the next input. @returns its offset, a multiple of 64. */
  startInput(): number {
    this.#used = Math.ceil(this.#used / ALIGNMENT) * ALIGNMENT;
    return this.#used;
  }

  /** Appends bytes to the input. */
  append(source: Uint8Array): void {
    const { byteLength } = source;
    hotCounters.slotBytesCopied += byteLength;
    this.#bytes.set(this.#aligned(source), this.#used);
    this.#used += byteLength;
  }

  /** Where the input that is being appended to ends so far. */
  get end(): number {
    return this.#used;
  }

  /** Appends blocks of equal size, each followed by so many bytes of padding. @param element what the padding consists of. */
  appendPadded(source: Uint8Array, blockBytes: number, padBytes: number, element: Uint8Array): void {
    hotCounters.slotBytesCopied += source.byteLength;
    const aligned = this.#aligned(source);
    for (let at = 0; at < aligned.byteLength; at += blockBytes) {
      this.#bytes.set(aligned.subarray(at, at + blockBytes), this.#used);
      this.#used += blockBytes;
      this.#pad(padBytes, element);
    }
  }

  /** The same bytes where copying them to the end of the slot is fast. */
  #aligned(source: Uint8Array): Uint8Array {
    const { byteLength } = source;
    const skew = (source.byteOffset - this.#used) & 7;
    if (skew === 0 || byteLength < MIN_STAGED_BYTES) return source;
    if (stage.byteLength < byteLength + 8) stage = new Uint8Array(2 ** Math.ceil(Math.log2(byteLength + 8)));
    const staged = stage.subarray(this.#used & 7, (this.#used & 7) + byteLength);
    staged.set(source);
    hotCounters.stageBytesCopied += byteLength;
    return staged;
  }

  #pad(byteLength: number, element: Uint8Array): void {
    const from = this.#used;
    this.#used += byteLength;
    const [first] = element;
    if (element.every((byte) => byte === first)) this.#bytes.fill(first!, from, this.#used);
    else for (let at = from; at < this.#used; at += element.byteLength) this.#bytes.set(element, at);
  }

  /** Whether the memory is one the worker does not know yet; asking makes it known. */
  takeChanged(): boolean {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  /** A new worker knows no memory. */
  forget(): void {
    this.#changed = true;
  }
}
