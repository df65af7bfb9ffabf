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
    const skew = (source.byteOffset - this.#used) & 7;
    if (skew === 0 || byteLength < MIN_STAGED_BYTES) {
      this.#bytes.set(source, this.#used);
    } else {
      if (stage.byteLength < byteLength + 8) stage = new Uint8Array(2 ** Math.ceil(Math.log2(byteLength + 8)));
      const staged = stage.subarray(this.#used & 7, (this.#used & 7) + byteLength);
      staged.set(source);
      this.#bytes.set(staged, this.#used);
      hotCounters.stageBytesCopied += byteLength;
    }
    this.#used += byteLength;
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
