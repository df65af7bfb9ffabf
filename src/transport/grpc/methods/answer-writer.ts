// Writes the answers of one event-loop turn as one buffer: one write costs as much as one answer.

import { Writer } from "../codec/writer.ts";
import { PREFIX_BYTES } from "../frame-reader.ts";
import { writeFrame } from "../framing.ts";
import type { WireCall } from "../wire-call.ts";

/** Bytes of answers that may lie here, unread by a slow client or waiting for their turn, before no more requests are taken from it. */
export const MAX_UNSENT_BYTES = 1024 * 1024;

/** From here on unread bytes are counted; what a client has not taken yet in passing is not worth it. Above a stream's high-water mark. */
const MIN_COUNTED_BYTES = 131_072;

/** How answers become messages. */
export interface AnswerCodec<Answer> {
  /** Bytes that `encode` will write. */
  readonly size: (answer: Answer) => number;
  /** Writes one message. */
  readonly encode: (writer: Writer, answer: Answer) => void;
}

/** Collects answers and writes them at the end of the turn. */
export class AnswerWriter<Answer> {
  readonly #wire: WireCall;
  readonly #codec: AnswerCodec<Answer>;
  readonly #onFlow: () => void;
  readonly #flush = (): void => this.flush();
  #answers: Answer[] = [];
  #sizes: number[] = [];
  #total = 0;
  #sentBytes = 0;
  #slow = false;
  /** Whether so much lies unread that it counts. */
  #counts = false;
  /** For those who wait for a slow client. */
  #drained: PromiseWithResolvers<void> | undefined;

  /** @param onFlow called when more lies unread, and when the client has caught up. */
  constructor(wire: WireCall, codec: AnswerCodec<Answer>, onFlow: () => void) {
    this.#wire = wire;
    this.#codec = codec;
    this.#onFlow = onFlow;
  }

  /** Whether the client leaves answers unread. */
  get isSlow(): boolean {
    return this.#slow;
  }

  /** Bytes that lie unread, where there are enough to count. */
  get unreadBytes(): number {
    return this.#counts ? this.#wire.unsentBytes : 0;
  }

  /** Bytes that the client has taken; a large write counts when all of it is taken. */
  get takenBytes(): number {
    return this.#sentBytes - this.#wire.unsentBytes;
  }

  /** Resolves when a slow client has caught up or the stream has ended; undefined for one that is not slow. */
  drained(): Promise<void> | undefined {
    if (!this.#slow) return undefined;
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  /** Adds an answer. */
  push(answer: Answer): void {
    const size = this.#codec.size(answer);
    // A tick queued by a promise's reaction runs after all reactions of this turn, and so after the other answers of the batch.
    if (this.#answers.length === 0) process.nextTick(this.#flush);
    this.#answers.push(answer);
    this.#sizes.push(size);
    this.#total += PREFIX_BYTES + size;
    // Whoever answers again and again without waiting for anything would never let the tick come.
    if (this.#total >= MAX_UNSENT_BYTES) this.flush();
  }

  /** Writes what has been collected. */
  flush(): void {
    if (this.#answers.length === 0) return;
    const writer = new Writer(Buffer.allocUnsafe(this.#total));
    for (let i = 0; i < this.#answers.length; i++) {
      const answer = this.#answers[i]!;
      writeFrame(writer, this.#sizes[i]!, () => this.#codec.encode(writer, answer));
    }
    this.#answers = [];
    this.#sizes = [];
    this.#sentBytes += this.#total;
    this.#total = 0;
    this.#wire.send(writer.buffer);
    this.#watch(this.#wire.unsentBytes);
  }

  #watch(unsentBytes: number): void {
    if (unsentBytes < MIN_COUNTED_BYTES) return;
    if (!this.#slow && unsentBytes >= MAX_UNSENT_BYTES) {
      this.#slow = true;
      this.#wire.pauseReading();
    }
    if (!this.#counts) {
      this.#counts = true;
      this.#wire.onDrained(() => {
        this.#counts = false;
        this.#slow = false;
        this.letGo();
        this.#onFlow();
      });
    }
    this.#onFlow();
  }

  /** Nobody has to wait any longer. */
  letGo(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}
