// One gRPC call on one HTTP/2 stream: its headers, its messages in, its messages and status out.

import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import { ServiceError } from "../../errors.ts";
import type { ByteBudget } from "../../guard/byte-budget.ts";
import { bytesExhausted } from "../../guard/byte-budget.ts";
import type { Bagged } from "../../lib/bag.ts";
import { decompress, messageTooLarge } from "./decompress.ts";
import { FrameReader } from "./frame-reader.ts";
import { parseGrpcTimeout } from "./grpc-timeout.ts";
import { errorTrailers } from "./status.ts";

/** How long a client may go on sending after its call has been answered, in milliseconds, before its stream is reset. */
const MAX_DISCARD_MS = 5000;

/** A message that fits one HTTP/2 frame is here when its prefix is: making it wait would save nothing, and health checks must not wait. */
const MAX_SMALL_BYTES = 16_384;

const RESPONSE_HEADERS: OutgoingHttpHeaders = { ":status": 200, "content-type": "application/grpc" };
const TRAILERS_ONLY_HEADERS: OutgoingHttpHeaders = { ...RESPONSE_HEADERS, "grpc-accept-encoding": "identity,deflate,gzip" };
// gRPC has no use for a date.
const RESPONSE_OPTIONS = { waitForTrailers: true, sendDate: false };
const TRAILERS_ONLY_OPTIONS = { endStream: true, sendDate: false };
const OK_TRAILERS: OutgoingHttpHeaders = { "grpc-status": "0" };

/** The method's side of a call. */
export interface CallHandler {
  /** A whole message. The handler calls `release` once nothing reads its bytes any more. */
  onMessage(message: Buffer, release: () => void): void;
  /** The client has sent everything. */
  onHalfClose(): void;
  /** The call is over without the handler having ended it: the client went away, or a message broke a rule. */
  onClosed(): void;
  /** The server begins to drain, or the connection has come of age; only streams care. */
  onDrain?(): void;
}

/** Where a stream keeps its call. */
const WIRE_CALL = Symbol("wireCall");

interface CallStream extends ServerHttp2Stream {
  [WIRE_CALL]?: WireCall;
}

function onData(this: CallStream, chunk: Buffer): void {
  this[WIRE_CALL]?.receive(chunk);
}

function onEnd(this: CallStream): void {
  this[WIRE_CALL]?.receiveEnd();
}

function onWantTrailers(this: CallStream): void {
  this[WIRE_CALL]?.sendTrailers();
}

function onClosed(this: CallStream): void {
  this[WIRE_CALL]?.streamClosed();
  this[WIRE_CALL] = undefined;
}

/** What calls share. */
export interface WireCallOptions {
  /** Largest message, as sent and after decompression. */
  readonly maxMessageBytes: number;
  /** Where the bytes of messages are counted. */
  readonly budget: ByteBudget;
  /** How long a call waits for room in the budget, in milliseconds. */
  readonly maxAdmitWaitMs: number;
  /** Makes what was thrown tellable. */
  readonly toServiceError: (error: unknown) => ServiceError;
  /** Told once when the call is over. */
  readonly onEnd: (call: WireCall) => void;
  /** Told once when the call's stream has gone too: until then its answer may lie unread. */
  readonly onGone: (call: WireCall) => void;
}

/** A call as the methods see it. */
export class WireCall implements Bagged {
  bagIndex = -1;
  /** When it was answered, on the clock of `performance.now()`. */
  endedAt = Infinity;
  readonly headers: IncomingHttpHeaders;
  /** When it arrived, on the clock of `performance.now()`. */
  readonly arrivedAt = performance.now();
  readonly #stream: ServerHttp2Stream;
  readonly #maxMessageBytes: number;
  readonly #reader: FrameReader;
  readonly #budget: ByteBudget;
  readonly #maxAdmitWaitMs: number;
  readonly #toServiceError: (error: unknown) => ServiceError;
  readonly #onEnd: (call: WireCall) => void;
  readonly #onGone: (call: WireCall) => void;
  #handler: CallHandler | undefined;
  #ended = false;
  #headersSent = false;
  #halfClosed = false;
  #inflating = false;
  /** Bytes taken from the budget for a message that is not complete. */
  #admittedBytes = 0;
  /** Leaves the budget's line; set while a message waits for room. */
  #leaveLine: (() => void) | undefined;
  #readPaused = false;
  #messagesRead = 0;
  #prepaidBytes = 0;
  /** Bytes of answers that are counted in the budget. */
  #answerBytes = 0;
  #trailers = OK_TRAILERS;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, options: WireCallOptions) {
    this.#stream = stream;
    this.headers = headers;
    this.#maxMessageBytes = options.maxMessageBytes;
    this.#budget = options.budget;
    this.#maxAdmitWaitMs = options.maxAdmitWaitMs;
    this.#toServiceError = options.toServiceError;
    this.#onEnd = options.onEnd;
    this.#onGone = options.onGone;
    this.#reader = new FrameReader(options.maxMessageBytes, this);
  }

  /** Whether a status has been sent or the client has gone. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Bytes written that the client has not taken yet. */
  get unsentBytes(): number {
    return this.#stream.writableLength;
  }

  /** Whether it came on this connection. */
  isOn(session: ServerHttp2Session): boolean {
    return this.#stream.session === session;
  }

  /** Milliseconds the client gives; undefined when it sets no deadline. @throws ServiceError DEADLINE_INVALID. */
  timeoutMs(): number | undefined {
    return parseGrpcTimeout(this.headers["grpc-timeout"] as string | undefined);
  }

  /** Starts reading. */
  start(handler: CallHandler): void {
    this.#handler = handler;
    const stream: CallStream = this.#stream;
    // Listeners that all calls share find their call here; closures of their own would be five more objects a call.
    stream[WIRE_CALL] = this;
    stream.on("close", onClosed);
    stream.on("error", onClosed);
    stream.on("end", onEnd);
    stream.on("data", onData);
  }

  /** Answers a call that no method takes. */
  refuse(error: ServiceError): void {
    const stream: CallStream = this.#stream;
    stream[WIRE_CALL] = this;
    stream.on("close", onClosed);
    stream.on("error", onClosed);
    this.fail(error);
  }

  /** Lets further messages of up to this size in: the method has taken room for all of them together. */
  admitUpTo(bytes: number): void {
    this.#prepaidBytes = bytes;
  }

  /**
   * Takes room for the memory that decoding a message has taken beside the message's own.
   * @param messageBytes of the message. @param release of the message. @returns what gives both back.
   * @throws ServiceError BYTES_EXHAUSTED when there is none; the message is released then.
   */
  holdMore(bytes: number, messageBytes: number, release: () => void): () => void {
    if (bytes === 0) return release;
    // Who is alone gets in, however large it is, as messages do.
    if (bytes <= MAX_SMALL_BYTES || this.#budget.used <= messageBytes) this.#budget.take(bytes);
    else if (!this.#budget.tryTake(bytes)) {
      release();
      throw bytesExhausted("there is no room for what this message unpacks to");
    }
    return this.#giveBackOnce(bytes, release);
  }

  /** Stops delivering messages; the client's window fills up and it stops sending. */
  pauseReading(): void {
    this.#readPaused = true;
    this.#reader.pause();
    this.#stream.pause();
  }

  /** Delivers messages again. */
  resumeReading(): void {
    if (!this.#readPaused) return;
    this.#readPaused = false;
    this.#flow();
  }

  /**
   * Sends framed messages. @param frames message bytes with their prefixes.
   * @returns false when the client is slow: wait with `onDrained` before sending more.
   */
  send(frames: Buffer): boolean {
    if (this.#ended || !this.#isOpen()) return true;
    this.#sendHeaders();
    return this.#stream.write(frames);
  }

  /** Calls back once the client has taken what was sent, or has gone. */
  onDrained(callback: () => void): void {
    const stream = this.#stream;
    const done = (): void => {
      stream.off("drain", done);
      stream.off("close", done);
      callback();
    };
    stream.once("drain", done);
    stream.once("close", done);
  }

  /** Counts so many bytes of answers that lie here in the budget, in place of what was counted before; what has gone needs no counting. */
  countAnswers(bytes: number): void {
    if (bytes === this.#answerBytes || !this.#isOpen()) return;
    if (bytes > this.#answerBytes) this.#budget.take(bytes - this.#answerBytes);
    else this.#budget.give(this.#answerBytes - bytes);
    this.#answerBytes = bytes;
  }

  /** Ends the call with OK. @param frame a last message with its prefix. */
  finish(frame?: Buffer): void {
    if (!this.#end() || !this.#isOpen()) return;
    this.#sendHeaders();
    if (frame !== undefined && frame.byteLength > MAX_SMALL_BYTES) {
      // An answer that nobody reads is memory too.
      this.countAnswers(frame.byteLength);
    }
    this.#stream.end(frame);
    this.#discardRest();
  }

  /** Ends the call with an error: Trailers-Only unless a message has been sent. */
  fail(error: ServiceError): void {
    if (!this.#end()) return;
    if (this.#headersSent) {
      this.#trailers = errorTrailers(error);
      this.#stream.end();
    } else if (this.#isOpen()) {
      this.#stream.respond({ ...TRAILERS_ONLY_HEADERS, ...errorTrailers(error) }, TRAILERS_ONLY_OPTIONS);
    }
    this.#discardRest();
  }

  /** FrameListener. */
  onPrefix(declaredBytes: number): boolean {
    if (declaredBytes <= Math.max(MAX_SMALL_BYTES, this.#prepaidBytes)) {
      this.#budget.take(declaredBytes);
    } else if (!this.#budget.tryTake(declaredBytes)) {
      this.#waitForRoom(declaredBytes);
      return false;
    }
    this.#admittedBytes = declaredBytes;
    return true;
  }

  /** FrameListener. */
  onFrame(message: Buffer, compressed: boolean, release: () => void): void {
    const bytes = this.#admittedBytes;
    this.#admittedBytes = 0;
    this.#messagesRead++;
    const giveBack = this.#giveBackOnce(bytes, release);
    if (compressed) void this.#inflate(message, giveBack);
    else this.#handler!.onMessage(message, giveBack);
  }

  /** FrameListener. */
  onOversize(declaredBytes: number): void {
    this.#breakOff(messageTooLarge(this.#maxMessageBytes, declaredBytes));
  }

  /** Tells the method that the server, or the connection, is going away. */
  drain(): void {
    this.#handler?.onDrain?.();
  }

  /** Ends a call that the server can wait for no longer. */
  abort(error: ServiceError): void {
    if (!this.#ended) this.#breakOff(error);
  }

  /** Leaves the message in the client's hands until there is room; its window holds it back. */
  #waitForRoom(bytes: number): void {
    this.#stream.pause();
    // The first message of a call can still be refused without harm; a stream under way only slows down.
    this.#leaveLine = this.#waitInLine(
      bytes,
      this.#messagesRead === 0,
      () => {
        this.#admittedBytes = bytes;
        this.#flow();
      },
      (error) => this.#breakOff(error),
    );
  }

  /** Room for what a message may inflate to, which waits like a message. Rejects when the call ends before. */
  #takeRoom(bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => reject(bytesExhausted("the call ended before there was room"));
      if (this.#ended) end();
      else if (this.#budget.tryTake(bytes)) resolve();
      else {
        const leave = this.#waitInLine(bytes, this.#messagesRead === 1, resolve, reject);
        this.#leaveLine = () => {
          leave();
          end();
        };
      }
    });
  }

  /** @param limited whether to wait no longer than `maxAdmitWaitMs`; `refuse` is called then. @returns what leaves the line. */
  #waitInLine(bytes: number, limited: boolean, admit: () => void, refuse: (error: ServiceError) => void): () => void {
    const giveUp = (): void => {
      this.#leaveLine = undefined;
      leave();
      refuse(bytesExhausted(`no room came up within ${this.#maxAdmitWaitMs} ms`));
    };
    const limit = limited ? setTimeout(giveUp, this.#maxAdmitWaitMs) : undefined;
    const leave = this.#budget.wait(bytes, () => {
      clearTimeout(limit);
      this.#leaveLine = undefined;
      admit();
    });
    return () => {
      clearTimeout(limit);
      leave();
    };
  }

  async #inflate(message: Buffer, release: () => void): Promise<void> {
    const encoding = (this.headers["grpc-encoding"] as string | undefined) ?? "identity";
    // Later messages must neither overtake this one nor pile up behind it.
    this.#inflating = true;
    this.#reader.pause();
    this.#stream.pause();
    try {
      const inflation = {
        limitBytes: this.#maxMessageBytes,
        takeRoom: (bytes: number) => this.#takeRoom(bytes),
        budget: this.#budget,
      };
      const inflated = await decompress(message, encoding, inflation).finally(release);
      const giveBack = this.#giveBackOnce(inflated.byteLength, undefined);
      if (this.#ended) {
        giveBack();
        return;
      }
      this.#handler!.onMessage(inflated, giveBack);
    } catch (error) {
      if (!this.#ended) this.#breakOff(this.#toServiceError(error));
      return;
    } finally {
      this.#inflating = false;
    }
    this.#flow();
  }

  /** What a handler calls when nothing reads its message any more; calling it twice is harmless. */
  #giveBackOnce(bytes: number, release: (() => void) | undefined): () => void {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      release?.();
      this.#budget.give(bytes);
    };
  }

  /** Reads on, unless something still holds the stream. */
  #flow(): void {
    if (this.#isHeld()) return;
    try {
      this.#reader.resume();
      if (this.#isHeld()) return;
      this.#stream.resume();
      this.#deliverHalfClose();
    } catch (error) {
      // Whoever let it flow, often another call that gave room back, must not suffer for it.
      this.#bug(error);
    }
  }

  #isHeld(): boolean {
    return this.#readPaused || this.#inflating || this.#leaveLine !== undefined;
  }

  /** For the stream's listeners only. */
  receive(chunk: Buffer): void {
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#bug(error);
    }
  }

  /** For the stream's listeners only. */
  receiveEnd(): void {
    this.#halfClosed = true;
    try {
      this.#deliverHalfClose();
    } catch (error) {
      this.#bug(error);
    }
  }

  /** For the stream's listeners only. */
  sendTrailers(): void {
    if (this.#isOpen()) this.#stream.sendTrailers(this.#trailers);
  }

  /** What a method throws must end its own call and not the process. */
  #bug(error: unknown): void {
    this.abort(this.#toServiceError(error));
  }

  #deliverHalfClose(): void {
    if (!this.#halfClosed || this.#ended || this.#isHeld()) return;
    this.#halfClosed = false;
    if (this.#reader.hasRest) {
      this.#breakOff(new ServiceError("MESSAGE_MALFORMED", "The stream ended within a message."));
      return;
    }
    this.#handler!.onHalfClose();
  }

  #sendHeaders(): void {
    if (this.#headersSent || !this.#isOpen()) return;
    this.#headersSent = true;
    this.#stream.on("wantTrailers", onWantTrailers);
    this.#stream.respond(RESPONSE_HEADERS, RESPONSE_OPTIONS);
  }

  /** A stream that the client has reset is closed some time before it says so, and throws when it is written to. */
  #isOpen(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed;
  }

  /** A rule was broken below the method: it is told, and the client gets the reason. */
  #breakOff(error: ServiceError): void {
    const handler = this.#handler;
    this.fail(error);
    handler?.onClosed();
  }

  /** For the stream's listeners only. */
  streamClosed(): void {
    const unexpected = this.#end();
    this.#budget.give(this.#answerBytes);
    this.#answerBytes = 0;
    this.#onGone(this);
    if (unexpected) this.#handler?.onClosed();
  }

  /** Gives up on a client that does not read its answer. */
  reset(): void {
    if (this.#isOpen()) this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.endedAt = performance.now();
    this.#reader.end();
    this.#leaveLine?.();
    this.#leaveLine = undefined;
    if (this.#admittedBytes > 0) this.#budget.give(this.#admittedBytes);
    this.#admittedBytes = 0;
    this.#onEnd(this);
    return true;
  }

  /** What the client still sends is thrown away for a while, so that it sees the status and not a reset. */
  #discardRest(): void {
    const stream = this.#stream;
    if (!this.#isOpen() || stream.readableEnded) return;
    stream.resume();
    if (stream.state.state === constants.NGHTTP2_STREAM_STATE_HALF_CLOSED_REMOTE) return;
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), MAX_DISCARD_MS);
    timer.unref();
    stream.once("close", () => clearTimeout(timer));
  }
}
