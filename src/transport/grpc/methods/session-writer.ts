// Writes the answers of one event-loop turn as one buffer: one write costs as much as one answer.

import type { SessionResult } from "../codec/stream-codec.ts";
import { encodeSessionResult, sessionResultSize } from "../codec/stream-codec.ts";
import { Writer } from "../codec/writer.ts";
import { PREFIX_BYTES } from "../frame-reader.ts";
import { writeFrame } from "../framing.ts";
import type { WireCall } from "../wire-call.ts";

/** Bytes that a client may leave unread before no more requests are taken from it. */
const MAX_UNSENT_BYTES = 1024 * 1024;

/** Collects answers and writes them at the end of the turn. */
export class SessionWriter {
  readonly #wire: WireCall;
  readonly #onDrained: () => void;
  readonly #flush = (): void => this.flush();
  #results: SessionResult[] = [];
  #sizes: number[] = [];
  #total = 0;
  #slow = false;

  /** @param onDrained called when a client that was slow has caught up. */
  constructor(wire: WireCall, onDrained: () => void) {
    this.#wire = wire;
    this.#onDrained = onDrained;
  }

  /** Whether the client leaves answers unread. */
  get isSlow(): boolean {
    return this.#slow;
  }

  /** Adds an answer. */
  push(result: SessionResult): void {
    const size = sessionResultSize(result);
    // A tick queued by a promise's reaction runs after all reactions of this turn, and so after the other answers of the batch.
    if (this.#results.length === 0) process.nextTick(this.#flush);
    this.#results.push(result);
    this.#sizes.push(size);
    this.#total += PREFIX_BYTES + size;
  }

  /** Writes what has been collected. */
  flush(): void {
    if (this.#results.length === 0) return;
    const writer = new Writer(Buffer.allocUnsafe(this.#total));
    for (let i = 0; i < this.#results.length; i++) {
      const result = this.#results[i]!;
      writeFrame(writer, this.#sizes[i]!, () => encodeSessionResult(writer, result));
    }
    this.#results = [];
    this.#sizes = [];
    this.#total = 0;
    this.#wire.send(writer.buffer);
    if (this.#slow || this.#wire.unsentBytes < MAX_UNSENT_BYTES) return;
    this.#slow = true;
    this.#wire.pauseReading();
    this.#wire.onDrained(() => {
      this.#slow = false;
      this.#onDrained();
    });
  }
}
