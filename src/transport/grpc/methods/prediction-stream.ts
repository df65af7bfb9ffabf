// What streams of predictions have in common: what is in flight, in which order answers leave, when reading pauses and how it all ends.

import { Call } from "../../../call.ts";
import { ServiceError } from "../../../errors.ts";
import type { MethodLimits } from "../method.ts";
import { streamDeadline } from "../method.ts";
import type { WireCall } from "../wire-call.ts";
import type { AnswerCodec } from "./answer-writer.ts";
import { AnswerWriter, MAX_UNSENT_BYTES } from "./answer-writer.ts";
import { serverDraining } from "./unary.ts";

/** After the server has begun to drain an idle stream stays open this long, for what the client sent before it knew. */
const DRAIN_LINGER_MS = 1000;

/** What becomes of a prediction: an answer, or the error that ends the whole stream when the prediction's turn comes. */
export type Outcome<Answer> = Answer | ServiceError;

/** One prediction of a stream, or a refusal that waits for its turn. */
export interface InFlight<Answer> {
  readonly key: string | number;
  /** Undefined for a refusal. */
  readonly call: Call | undefined;
  /** Whether its answer waits for those of the ordered predictions before it. */
  readonly ordered: boolean;
  /** Set while it waits for its turn. */
  outcome: Outcome<Answer> | undefined;
  /** Bytes of the answer that waits for its turn. */
  waitingBytes: number;
}

/** A prediction that runs. */
export type Running<Answer> = InFlight<Answer> & { readonly call: Call };

/** The predictions of one stream. The method reads the messages and says what becomes of them; everything else happens here. */
export class PredictionStream<Answer extends object> {
  readonly #wire: WireCall;
  readonly #limits: MethodLimits;
  readonly #codec: AnswerCodec<Answer>;
  readonly #writer: AnswerWriter<Answer>;
  /** In the order they came: by the caller's keys, the others under numbers. */
  readonly #items = new Map<string | number, InFlight<Answer>>();
  #nextKey = 0;
  /** Bytes of all answers that wait for their turn. */
  #waitingBytes = 0;
  /** The stream's own deadline and idle limit. */
  readonly #streamCall: Call;
  #idleTimer: NodeJS.Timeout | undefined;
  /** Whether a message has come or gone since the idle timer last looked. */
  #active = true;
  /** What the client had taken when the idle timer last looked; -1 if it was not slow. */
  #takenWhenSlow = -1;
  /** An error is in line that will end the stream. */
  #doomed = false;
  #halfClosed = false;
  #draining = false;
  #lingered = false;

  constructor(wire: WireCall, limits: MethodLimits, codec: AnswerCodec<Answer>) {
    this.#wire = wire;
    this.#limits = limits;
    this.#codec = codec;
    this.#writer = new AnswerWriter(wire, codec, () => {
      this.#countAnswers();
      this.#readOn();
    });
    this.#streamCall = new Call(streamDeadline(wire), wire.arrivedAt);
    this.#streamCall.onAbort((error) => this.fail(error));
    this.#watchIdle();
  }

  /** Whether the server is going away: requests that still come are to be refused. */
  get isDraining(): boolean {
    return this.#draining;
  }

  /** Tells the idle limit that a message has come. */
  touch(): void {
    this.#active = true;
  }

  /** Whether a prediction of this key is in flight. */
  has(key: string): boolean {
    return this.#items.has(key);
  }

  /** Cancels the prediction of this key; its answer says so. One that is not in flight is ignored. */
  cancel(key: string): void {
    this.#items.get(key)?.call?.cancel();
  }

  /**
   * Begins a prediction; it ends with `answer` or `finish`.
   * @param ordered whether its answer leaves after those of the ordered predictions before it. @param timeoutMs its own time; the
   * stream's deadline holds as well. @param key for `has` and `cancel`, unique among those in flight.
   */
  begin(ordered: boolean, timeoutMs: number, key: string | number = this.#nextKey++): Running<Answer> {
    const now = performance.now();
    const call = new Call(Math.min(now + timeoutMs, this.#streamCall.deadline), now);
    const item = { key, call, ordered, outcome: undefined, waitingBytes: 0 };
    this.#items.set(key, item);
    this.#pauseIfFull();
    return item;
  }

  /** Answers a request that is not taken in. */
  refuse(outcome: Outcome<Answer>, ordered: boolean): void {
    const item = { key: this.#nextKey++, call: undefined, ordered, outcome, waitingBytes: 0 };
    this.#items.set(item.key, item);
    this.#leave(item, outcome);
    // Reading must not go on from within the reading of a message, so it pauses only for what really stays.
    this.#pauseIfFull();
  }

  /**
   * Sends one of several answers of an unordered prediction.
   * @returns resolves when the client, being slow, has room for the next one; undefined when it has.
   */
  send(answer: Answer): Promise<void> | undefined {
    if (this.#wire.ended) return undefined;
    this.#active = true;
    this.#writer.push(answer);
    return this.#writer.drained();
  }

  /** Ends a prediction with its only or its last answer. */
  answer(item: InFlight<Answer>, outcome: Outcome<Answer>): void {
    if (this.#wire.ended) return;
    this.#active = true;
    this.#leave(item, outcome);
    this.#countAnswers();
    this.#pauseIfFull();
    this.#readOn();
    this.#finishIfDone();
  }

  /** Ends an unordered prediction whose answers have all been sent. */
  finish(item: InFlight<Answer>): void {
    if (this.#wire.ended) return;
    this.#items.delete(item.key);
    this.#readOn();
    this.#finishIfDone();
  }

  /** Ends the stream with an error; answers that have been given leave before it. */
  fail(error: ServiceError): void {
    this.#writer.flush();
    this.#end();
    this.#wire.fail(error);
    for (const { call } of this.#items.values()) call?.abort(error);
  }

  /** The client has sent everything: what is in flight is answered, then the stream ends. */
  halfClose(): void {
    this.#halfClosed = true;
    this.#finishIfDone();
  }

  /** The client has gone. */
  closed(): void {
    this.#end();
    for (const { call } of this.#items.values()) call?.cancel();
  }

  /** The server is going away: what is in flight is answered, then the stream ends. @param notice message that tells the client. */
  drain(notice?: Buffer): void {
    this.#draining = true;
    if (notice !== undefined) {
      this.#writer.flush();
      this.#wire.send(notice);
    }
    setTimeout(() => {
      this.#lingered = true;
      this.#finishIfDone();
    }, DRAIN_LINGER_MS).unref();
  }

  #leave(item: InFlight<Answer>, outcome: Outcome<Answer>): void {
    if (outcome instanceof ServiceError) this.#stopAfter(item);
    if (!item.ordered) {
      this.#items.delete(item.key);
      this.#put(outcome);
      return;
    }
    item.outcome = outcome;
    // A map keeps the order in which its keys came.
    for (const first of this.#items.values()) {
      if (!first.ordered) continue;
      if (first.outcome === undefined || this.#wire.ended) break;
      this.#items.delete(first.key);
      this.#waitingBytes -= first.waitingBytes;
      this.#put(first.outcome);
    }
    if (outcome instanceof ServiceError || this.#items.get(item.key) !== item) return;
    item.waitingBytes = this.#codec.size(outcome);
    this.#waitingBytes += item.waitingBytes;
  }

  #put(outcome: Outcome<Answer>): void {
    if (!(outcome instanceof ServiceError)) {
      this.#writer.push(outcome);
      return;
    }
    for (const { call } of this.#items.values()) call?.cancel();
    this.fail(outcome);
  }

  /** Nothing after this one will be answered. */
  #stopAfter(item: InFlight<Answer>): void {
    this.#doomed = true;
    this.#wire.pauseReading();
    let isAfter = false;
    for (const other of this.#items.values()) {
      if (isAfter && other.ordered) other.call?.cancel();
      isAfter ||= other === item;
    }
  }

  /** Answers that wait, for their turn or for a slow client, are memory that the requests' room no longer covers. */
  #countAnswers(): void {
    this.#wire.countAnswers(this.#waitingBytes + this.#writer.unreadBytes);
  }

  #isFull(): boolean {
    return this.#items.size >= this.#limits.maxInFlightPerStream || this.#waitingBytes >= MAX_UNSENT_BYTES;
  }

  #pauseIfFull(): void {
    if (this.#isFull() && !this.#wire.ended) this.#wire.pauseReading();
  }

  #readOn(): void {
    if (!this.#isFull() && !this.#writer.isSlow && !this.#doomed) this.#wire.resumeReading();
  }

  /** One timer that looks back, instead of one that every message winds up again: a stream ends after one to two idle times. */
  #watchIdle(): void {
    const { maxStreamIdleMs } = this.#limits;
    this.#idleTimer = setTimeout(() => {
      const taken = this.#writer.isSlow ? this.#writer.takenBytes : -1;
      if (taken >= 0 && taken === this.#takenWhenSlow) {
        this.fail(unread(maxStreamIdleMs));
      } else if (taken < 0 && !this.#active && this.#items.size === 0) {
        this.fail(idle(maxStreamIdleMs));
      } else {
        this.#takenWhenSlow = taken;
        this.#active = false;
        this.#watchIdle();
      }
    }, maxStreamIdleMs);
    this.#idleTimer.unref();
  }

  #finishIfDone(): void {
    if (this.#items.size > 0 || this.#wire.ended) return;
    if (this.#halfClosed) {
      this.#writer.flush();
      this.#end();
      this.#wire.finish();
    } else if (this.#lingered) {
      this.fail(serverDraining());
    }
  }

  #end(): void {
    clearTimeout(this.#idleTimer);
    this.#streamCall.finish();
    // Models that were held back find that their calls have ended.
    this.#writer.letGo();
  }
}

function idle(waitedMs: number): ServiceError {
  return new ServiceError("DEADLINE_EXCEEDED", `The stream was idle for ${waitedMs} ms (setting maxStreamIdleMs).`, {
    metadata: { stage: "receive" },
  });
}

function unread(waitedMs: number): ServiceError {
  return new ServiceError("DEADLINE_EXCEEDED", `Nothing was read from the stream for ${waitedMs} ms (setting maxStreamIdleMs).`, {
    metadata: { stage: "postprocess" },
  });
}
