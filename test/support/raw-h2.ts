// A gRPC client made of bare HTTP/2: sends whatever it is told, enforces nothing itself and shows what really came back.

import { connect, constants } from "node:http2";
import type { ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";

import { readTrailer } from "./status-details.ts";
import type { Failure } from "./status-details.ts";

/** What a call brought back. */
export interface RawAnswer {
  readonly httpStatus: number;
  readonly headers: IncomingHttpHeaders;
  /** Payloads without their 5-byte prefix. */
  readonly messages: readonly Buffer[];
  /** Trailers, or the headers again when the answer was Trailers-Only. */
  readonly trailers: IncomingHttpHeaders;
  /** One HEADERS frame with END_STREAM: what proxies may retry on. */
  readonly trailersOnly: boolean;
  /** HTTP/2 error code of a reset; 0 when the stream ended well. */
  readonly resetCode: number;
  /** The status with its details; code "OK" for success, "" where no grpc-status came. */
  readonly status: Failure;
}

/** One open call. */
export interface RawCall {
  readonly stream: ClientHttp2Stream;
  /** Resolves when the server has ended its side, or the stream was reset. */
  readonly answer: Promise<RawAnswer>;
}

/** One connection. */
export interface RawConnection {
  /** Opens a call. Without `body` the sending side stays open unless `end` is true. */
  call(path: string, options?: { readonly headers?: OutgoingHttpHeaders; readonly body?: Uint8Array; readonly end?: boolean }): RawCall;
  /** Resolves when the server has closed the connection, with the code of its GOAWAY. */
  readonly closed: Promise<number>;
  close(): void;
}

/** A message with its 5-byte prefix; `flag` 1 says compressed, `length` may lie. */
export function frame(message: Uint8Array, options: { readonly flag?: number; readonly length?: number } = {}): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(options.flag ?? 0, 0);
  prefix.writeUInt32BE(options.length ?? message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Connects to `host:port` in plain text. */
export function connectRaw(address: string): RawConnection {
  // Megabytes; with Node's default of 10 it would reset streams by itself while much is still to be sent.
  const session = connect(`http://${address}`, { maxSessionMemory: 4000 });
  let goAway = 0;
  session.on("goaway", (code) => (goAway = code));
  session.on("error", () => {});
  const closed = new Promise<number>((resolve) => session.once("close", () => resolve(goAway)));
  return {
    closed,
    close: () => session.close(),
    call(path, { headers = {}, body, end = body !== undefined } = {}) {
      const stream = session.request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
        ...headers,
      });
      if (body !== undefined) stream.write(body);
      if (end) stream.end();
      return { stream, answer: collect(stream) };
    },
  };
}

function collect(stream: ClientHttp2Stream): Promise<RawAnswer> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  let trailersOnly = false;
  const chunks: Buffer[] = [];
  stream.on("response", (received, flags) => {
    headers = received;
    trailersOnly = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    if (trailersOnly) trailers = received;
  });
  stream.on("trailers", (received) => (trailers = received));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", () => {});
  return new Promise((resolve) => {
    const finish = () => {
      resolve({
        httpStatus: Number(headers[":status"] ?? 0),
        headers,
        messages: split(Buffer.concat(chunks)),
        trailers,
        trailersOnly,
        resetCode: stream.rstCode ?? 0,
        status: statusOf(trailers),
      });
      // What a client does whose call was answered before it had sent everything.
      if (!stream.writableEnded) stream.close();
    };
    stream.once("end", finish);
    stream.once("close", finish);
  });
}

function split(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at + 5 <= bytes.length;) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    messages.push(bytes.subarray(at + 5, end));
    at = end;
  }
  return messages;
}

function statusOf(trailers: IncomingHttpHeaders): Failure {
  const code = trailers["grpc-status"];
  if (code === undefined) return { ...readTrailer(0, "", undefined), code: "" };
  const details = trailers["grpc-status-details-bin"];
  const message = decodeURIComponent(String(trailers["grpc-message"] ?? ""));
  return readTrailer(Number(code), message, details === undefined ? undefined : Buffer.from(String(details), "base64"));
}
