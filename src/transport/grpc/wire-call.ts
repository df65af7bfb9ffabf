// One gRPC call on one HTTP/2 stream: its headers, its messages in, its messages and status out.

import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import { ServiceError } from "../../errors.ts";
import { decompress, messageTooLarge } from "./decompress.ts";
import { FrameReader } from "./frame-reader.ts";
import { parseGrpcTimeout } from "./grpc-timeout.ts";
import { errorTrailers } from "./status.ts";

/** How long a client may go on sending after its call has been answered, in milliseconds, before its stream is reset. */
const MAX_DISCARD_MS = 5000;

const RESPONSE_HEADERS: OutgoingHttpHeaders = {
  ":status": 200,
  "content-type": "application/grpc",
  "grpc-accept-encoding": "identity,deflate,gzip",
};
const RESPONSE_OPTIONS = { waitForTrailers: true };
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

/** A call as the methods see it. */
export class WireCall {
  readonly headers: IncomingHttpHeaders;
  /** When it arrived, on the clock of `performance.now()`. */
  readonly arrivedAt = performance.now();
  readonly #stream: ServerHttp2Stream;
  readonly #maxMessageBytes: number;
  readonly #reader: FrameReader;
  readonly #onEnd: (call: WireCall) => void;
  #handler: CallHandler | undefined;
  #ended = false;
  #headersSent = false;
  #halfClosed = false;
  #inflating = false;
  #readPaused = false;
  #trailers = OK_TRAILERS;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, maxMessageBytes: number, onEnd: (call: WireCall) => void) {
    this.#stream = stream;
    this.headers = headers;
    this.#maxMessageBytes = maxMessageBytes;
    this.#onEnd = onEnd;
    this.#reader = new FrameReader(maxMessageBytes, this);
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
    const stream = this.#stream;
    stream.on("close", () => this.#closed());
    stream.on("error", () => this.#closed());
    stream.on("end", () => this.#endOfInput());
    stream.on("data", (chunk: Buffer) => this.#reader.push(chunk));
  }

  /** Answers a call that no method takes. */
  refuse(error: ServiceError): void {
    this.#stream.on("error", () => {});
    this.fail(error);
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
    if (this.#inflating) return;
    this.#reader.resume();
    if (this.#readPaused) return;
    this.#stream.resume();
    this.#deliverHalfClose();
  }

  /**
   * Sends framed messages. @param frames message bytes with their prefixes.
   * @returns false when the client is slow: wait with `onDrained` before sending more.
   */
  send(frames: Buffer): boolean {
    if (this.#ended) return true;
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

  /** Ends the call with OK. @param frame a last message with its prefix. */
  finish(frame?: Buffer): void {
    if (!this.#end()) return;
    this.#sendHeaders();
    this.#stream.end(frame);
    this.#discardRest();
  }

  /** Ends the call with an error: Trailers-Only unless a message has been sent. */
  fail(error: ServiceError): void {
    if (!this.#end()) return;
    if (this.#headersSent) {
      this.#trailers = errorTrailers(error);
      this.#stream.end();
    } else if (!this.#stream.destroyed) {
      this.#stream.respond({ ...RESPONSE_HEADERS, ...errorTrailers(error) }, { endStream: true });
    }
    this.#discardRest();
  }

  /** FrameListener. */
  onFrame(message: Buffer, compressed: boolean, release: () => void): void {
    if (compressed) {
      void this.#inflate(message, release);
      return;
    }
    this.#handler!.onMessage(message, release);
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

  async #inflate(message: Buffer, release: () => void): Promise<void> {
    const encoding = (this.headers["grpc-encoding"] as string | undefined) ?? "identity";
    // Later messages must not overtake this one.
    this.#inflating = true;
    this.#reader.pause();
    try {
      const inflated = await decompress(message, encoding, this.#maxMessageBytes);
      release();
      if (this.#ended) return;
      this.#handler!.onMessage(inflated, () => {});
    } catch (error) {
      this.#breakOff(error instanceof ServiceError ? error : new ServiceError("INTERNAL", "Internal error.", { cause: error }));
      return;
    } finally {
      this.#inflating = false;
    }
    if (this.#readPaused) return;
    this.#reader.resume();
    this.#deliverHalfClose();
  }

  #endOfInput(): void {
    this.#halfClosed = true;
    this.#deliverHalfClose();
  }

  #deliverHalfClose(): void {
    if (!this.#halfClosed || this.#ended || this.#readPaused || this.#inflating) return;
    this.#halfClosed = false;
    if (this.#reader.hasRest) {
      this.#breakOff(new ServiceError("MESSAGE_MALFORMED", "The stream ended within a message."));
      return;
    }
    this.#handler!.onHalfClose();
  }

  #sendHeaders(): void {
    if (this.#headersSent || this.#stream.destroyed) return;
    this.#headersSent = true;
    this.#stream.on("wantTrailers", () => this.#stream.sendTrailers(this.#trailers));
    this.#stream.respond(RESPONSE_HEADERS, RESPONSE_OPTIONS);
  }

  /** A rule was broken below the method: it is told, and the client gets the reason. */
  #breakOff(error: ServiceError): void {
    const handler = this.#handler;
    this.fail(error);
    handler?.onClosed();
  }

  #closed(): void {
    if (this.#end()) this.#handler?.onClosed();
  }

  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#reader.end();
    this.#onEnd(this);
    return true;
  }

  /** What the client still sends is thrown away for a while, so that it sees the status and not a reset. */
  #discardRest(): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.readableEnded || stream.state.state === constants.NGHTTP2_STREAM_STATE_HALF_CLOSED_REMOTE) return;
    stream.resume();
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), MAX_DISCARD_MS);
    timer.unref();
    stream.once("close", () => clearTimeout(timer));
  }
}
