// What grpc-js has no public option for: the HTTP/2 servers under a grpc.Server, their limits, and the streams we answer ourselves.

import type * as grpc from "@grpc/grpc-js";
import type { Http2Server, Http2Session, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream, Settings } from "node:http2";

/** The private fields this file depends on; `assertInternals` finds out at start when a grpc-js upgrade has changed them. */
interface ServerInternals {
  commonServerOptions: {
    settings?: Settings;
    streamResetBurst?: number;
    streamResetRate?: number;
    maxSessionMemory?: number;
    maxSessionRejectedStreams?: number;
  };
  http2Servers: Map<Http2Server, { readonly sessions: Set<ServerHttp2Session> }>;
}

function assertInternals(server: grpc.Server): ServerInternals {
  const internals = server as unknown as Partial<ServerInternals>;
  if (typeof internals.commonServerOptions !== "object" || !(internals.http2Servers instanceof Map)) {
    throw new Error("This version of @grpc/grpc-js has other internals than the one predictd was built for.");
  }
  return internals as ServerInternals;
}

/** Limits of every connection. */
export interface ConnectionLimits {
  /** Client resets that may come at once before the connection is closed. */
  readonly streamResetBurst: number;
  /** Client resets per second that are allowed in the long run. */
  readonly streamResetRate: number;
  /** Bytes a client may send ahead on one stream, and on the connection. */
  readonly receiveWindowBytes: number;
}

/** Sets what has to be known before the server binds. */
export function setConnectionLimits(
  server: grpc.Server,
  { streamResetBurst, streamResetRate, receiveWindowBytes }: ConnectionLimits,
): void {
  const internals = assertInternals(server);
  internals.commonServerOptions = {
    ...internals.commonServerOptions,
    // Both or neither count.
    streamResetBurst,
    streamResetRate,
    // Node counts streams that the client has reset until it has cleaned up after them, and above the limit of open ones it rejects new
    // ones. A client that is within its rights must not lose its connection for that; those who reset without end meet the limits above.
    maxSessionRejectedStreams: streamResetBurst,
    settings: { ...internals.commonServerOptions.settings, initialWindowSize: receiveWindowBytes },
  };
}

/** Answers a stream, or returns false to leave it to grpc-js. */
export type StreamHandler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => boolean;

/** What is done with the connections and streams of a bound server. */
export interface StreamInterception {
  /** Bytes a client may send ahead on a connection. */
  readonly receiveWindowBytes: number;
  /** Time without any stream after which a connection is asked to go. grpc-js cannot count: it never sees our streams. */
  readonly maxIdleMs: number;
  /** Age at which a connection is asked to go, give or take 10 %, so that clients do not all come back at once. */
  readonly maxAgeMs: number;
  /** Time its calls have to finish then. */
  readonly maxAgeGraceMs: number;
  /** Told before a connection is asked to go, so that streams can say so in band. */
  readonly onAging: (session: ServerHttp2Session) => void;
  readonly handle: StreamHandler;
}

/**
 * Puts a handler in front of grpc-js's own on every HTTP/2 server, widens the connection windows, ages connections, and cuts finished
 * calls loose. Call it once after binding.
 */
export function interceptStreams(server: grpc.Server, interception: StreamInterception): void {
  for (const http2Server of assertInternals(server).http2Servers.keys()) {
    http2Server.on("session", (session) => {
      if (session.destroyed) return;
      session.setLocalWindowSize(interception.receiveWindowBytes);
      ageOut(session, interception);
      idleOut(session, interception.maxIdleMs);
    });
    const inner = http2Server.listeners("stream");
    http2Server.removeAllListeners("stream");
    http2Server.on("stream", (stream, headers, flags, rawHeaders) => {
      stream.on("close", cutLoose);
      const idle = idleStates.get(stream.session!);
      if (idle !== undefined) {
        idle.streams++;
        (stream as CountedStream)[IDLE_STATE] = idle;
      }
      if (interception.handle(stream, headers)) return;
      for (const listener of inner) Reflect.apply(listener, http2Server, [stream, headers, flags, rawHeaders]);
    });
  }
}

/** Streams of a connection, and since when it has had none. */
interface IdleState {
  streams: number;
  since: number;
}

const idleStates = new WeakMap<Http2Session, IdleState>();

/** A stream that has closed no longer knows its connection. */
const IDLE_STATE = Symbol("idleState");

interface CountedStream extends ServerHttp2Stream {
  [IDLE_STATE]?: IdleState;
}

function idleOut(session: ServerHttp2Session, maxIdleMs: number): void {
  const state: IdleState = { streams: 0, since: performance.now() };
  idleStates.set(session, state);
  const check = (): void => {
    const idleMs = state.streams > 0 ? 0 : performance.now() - state.since;
    if (idleMs >= maxIdleMs) session.close();
    else timer = setTimeout(check, Math.max(1, maxIdleMs - idleMs)).unref();
  };
  let timer = setTimeout(check, maxIdleMs).unref();
  session.once("close", () => clearTimeout(timer));
}

function ageOut(session: ServerHttp2Session, { maxAgeMs, maxAgeGraceMs, onAging }: StreamInterception): void {
  let timer = setTimeout(
    () => {
      onAging(session);
      session.close();
      timer = setTimeout(() => session.destroy(), maxAgeGraceMs);
      timer.unref();
    },
    maxAgeMs * (0.9 + 0.2 * Math.random()),
  );
  timer.unref();
  session.once("close", () => clearTimeout(timer));
}

const ignore = (): void => {};

/**
 * The native handle of a finished stream lives until the next mark-compact and everything its listeners reach lives with it, about 10 KB
 * a call. Removing the listeners lets scavenges free that; one tick later, so that every other `close` listener has run.
 */
function cutLoose(this: CountedStream): void {
  const idle = this[IDLE_STATE];
  if (idle !== undefined) {
    idle.streams--;
    idle.since = performance.now();
  }
  process.nextTick(removeListeners, this);
}

function removeListeners(stream: ServerHttp2Stream): void {
  stream.removeAllListeners();
  stream.on("error", ignore);
}
