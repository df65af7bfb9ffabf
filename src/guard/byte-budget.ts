// How many bytes of messages the process holds at once.

import { ServiceError } from "../errors.ts";

/** How long a caller should wait before it tries again, in milliseconds. */
const RETRY_MS = 1000;

/** A shared budget. Whoever takes bytes gives them back exactly once. */
export interface ByteBudget {
  /** Takes bytes if there is room and nobody waits; a single message larger than the whole budget gets in when nothing else is held. */
  tryTake(bytes: number): boolean;
  /** Takes bytes whether there is room or not: for memory that exists already. */
  take(bytes: number): void;
  /** Gives bytes back and lets in who waits. */
  give(bytes: number): void;
  /** Waits in line; `admit` is called once the bytes have been taken. The result leaves the line; leaving twice is harmless. */
  wait(bytes: number, admit: () => void): () => void;
  /** Bytes held now. */
  readonly used: number;
}

/** Makes a budget. */
export function createByteBudget(maxBytes: number): ByteBudget {
  const line = new Set<{ readonly bytes: number; readonly admit: () => void }>();
  let used = 0;
  const fits = (bytes: number): boolean => used + bytes <= maxBytes || used === 0;
  const admitLine = (): void => {
    for (const waiting of line) {
      // In the order of arrival: a small message does not overtake a large one, which would otherwise wait for ever.
      if (!fits(waiting.bytes)) return;
      line.delete(waiting);
      used += waiting.bytes;
      waiting.admit();
    }
  };
  return {
    get used() {
      return used;
    },
    tryTake(bytes) {
      if (line.size > 0 || !fits(bytes)) return false;
      used += bytes;
      return true;
    },
    take(bytes) {
      used += bytes;
    },
    give(bytes) {
      used -= bytes;
      if (used < 0) throw new Error("More bytes were given back than taken. This is a bug.");
      admitLine();
    },
    wait(bytes, admit) {
      const waiting = { bytes, admit };
      line.add(waiting);
      return () => {
        // Who waited behind a large message that leaves may fit now.
        if (line.delete(waiting)) admitLine();
      };
    },
  };
}

/** What a caller is told for whom there is no room. @param problem the second half of the sentence. */
export function bytesExhausted(problem: string): ServiceError {
  return new ServiceError("BYTES_EXHAUSTED", `The server holds as many message bytes as it may; ${problem}.`, {
    retryAfterMs: RETRY_MS,
    metadata: { stage: "admit" },
    quota: { subject: "maxBufferedBytes", description: "Message bytes that the process holds at once." },
  });
}
