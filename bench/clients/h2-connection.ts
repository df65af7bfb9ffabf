// One cleartext HTTP/2 connection over a plain socket: just enough of the protocol to load a gRPC server from little CPU.

import { connect } from "node:net";
import { grpcStatusOf } from "./hpack-status.ts";
import {
  ackFlag,
  connectionPreface,
  defaultWindowBytes,
  endHeadersFlag,
  endStreamFlag,
  frame,
  frameHeaderBytes,
  frameType,
  paddedFlag,
  priorityFlag,
  windowUpdate,
  writeFrameHeader,
} from "./h2-frames.ts";
import type { RequestHeaders } from "./h2-frames.ts";

/** What a connection tells its user. Called synchronously while a chunk is parsed. */
export interface ConnectionEvents {
  /** Payload of a DATA frame: `chunk` from `start` to `end`, valid during the call only. */
  data(streamId: number, chunk: Buffer, start: number, end: number): void;
  /**
   * The stream has ended with this gRPC status; -1 when it was reset or ended without one. `trailers`: the header block that ended it,
   * valid during the call only. `resetCode`: of a stream that the server has reset.
   */
  end(streamId: number, status: number, trailers?: Buffer, resetCode?: number): void;
  /** The server has widened a window. */
  widened(): void;
  /** The connection is gone before `close` was called. */
  lost(reason: string): void;
}

/** An open connection. Nothing is written before `flush`. */
export interface Connection {
  /** Opens a stream by sending the headers of the connection's method, and `moreFields` behind them. */
  openStream(moreFields?: Buffer): number;
  /** Streams that the server allows at once. */
  maxStreams(): number;
  /** False once the server has asked for no more streams. */
  accepting(): boolean;
  /** Bytes of DATA that may be sent on the connection now. */
  connectionWindow(): number;
  /** Bytes of DATA that a new stream may take. */
  initialWindow(): number;
  /** Bytes that the server has granted to a stream beyond `initialWindow` since it was opened; forgets them. */
  takeGrant(streamId: number): number;
  /** Queues small frames (copied); `dataBytes` counts against the connection's window. */
  append(frames: Buffer, dataBytes: number): void;
  /** Writes frames that must not change before their stream ends (not copied). */
  writeDirect(frames: Buffer, dataBytes: number): void;
  /** Writes what was queued. */
  flush(): void;
  close(): void;
}

const batchBytes = 256 * 1024;
const grantBytes = 64 * 1024 * 1024;
const defaultTableBytes = 4096;
const settingTableBytes = 0x1;
const settingMaxStreams = 0x3;
const settingInitialWindow = 0x4;
const priorityBytes = 5;
const noFields = Buffer.alloc(0);
/** HPACK: the table has no entries from here on. Due where the server allows less than the default. */
const noTable = Buffer.from([0x20]);

// What a frame carries ends before its padding.
function payloadEnd(chunk: Buffer, flags: number, start: number, end: number): number {
  return (flags & paddedFlag) === 0 ? end : end - chunk[start]!;
}

/** Connects and waits for the server's settings. `trackStreams` keeps windows per stream, needed where a stream sends or receives more than one window. */
export async function openConnection(
  target: { readonly host: string; readonly port: number },
  headers: RequestHeaders,
  trackStreams: boolean,
  events: ConnectionEvents,
): Promise<Connection> {
  const socket = connect({ host: target.host, port: target.port, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });

  let connectionWindow = defaultWindowBytes;
  let initialWindow = defaultWindowBytes;
  let maxStreams = Infinity;
  let tableBytes = defaultTableBytes;
  let accepting = true;
  let nextStreamId = 1;
  let closing = false;
  let batch = Buffer.allocUnsafeSlow(batchBytes);
  let batchStart = 0;
  let batchEnd = 0;
  let rest: Buffer | undefined;
  let received = 0;
  const receivedOn = new Map<number, number>();
  const grants = new Map<number, number>();
  let okTrailers = Buffer.alloc(0);
  const headersHead = Buffer.alloc(frameHeaderBytes);
  const settings = Promise.withResolvers<void>();
  let open = false;

  let fragments: { readonly flags: number; readonly parts: Buffer[] } | undefined;

  function flush(): void {
    if (batchEnd > batchStart) socket.write(batch.subarray(batchStart, batchEnd));
    batchStart = batchEnd;
  }

  function append(frames: Buffer, dataBytes: number): void {
    if (batchEnd + frames.length > batchBytes) {
      flush();
      // The old batch may still be under way in the socket.
      batch = Buffer.allocUnsafeSlow(batchBytes);
      batchStart = 0;
      batchEnd = 0;
    }
    frames.copy(batch, batchEnd);
    batchEnd += frames.length;
    connectionWindow -= dataBytes;
  }

  function countReceived(streamId: number, length: number): void {
    received += length;
    if (received >= grantBytes) {
      append(windowUpdate(0, received), 0);
      received = 0;
    }
    // Long streams need their own window renewed; the short ones of unary calls never use theirs up.
    if (!trackStreams) return;
    const onStream = (receivedOn.get(streamId) ?? 0) + length;
    if (onStream < grantBytes) {
      receivedOn.set(streamId, onStream);
    } else {
      append(windowUpdate(streamId, onStream), 0);
      receivedOn.set(streamId, 0);
    }
  }

  function statusOf(chunk: Buffer, start: number, end: number): number {
    // Trailers of successful calls are all alike; comparing is cheaper than parsing.
    if (okTrailers.length === end - start && chunk.compare(okTrailers, 0, okTrailers.length, start, end) === 0) return 0;
    const block = chunk.subarray(start, end);
    const status = grpcStatusOf(block) ?? -1;
    if (status === 0) okTrailers = Buffer.from(block);
    return status;
  }

  function readSettings(payload: Buffer): void {
    for (let offset = 0; offset + 6 <= payload.length; offset += 6) {
      const id = payload.readUInt16BE(offset);
      const value = payload.readUInt32BE(offset + 2);
      if (id === settingInitialWindow) initialWindow = value;
      else if (id === settingMaxStreams) maxStreams = value;
      else if (id === settingTableBytes) tableBytes = value;
    }
    append(frame(frameType.settings, ackFlag, 0, Buffer.alloc(0)), 0);
    settings.resolve();
  }

  function readHeaders(streamId: number, flags: number, block: Buffer): void {
    // Blocks that do not end a stream say nothing that the clients need.
    if ((flags & endStreamFlag) !== 0) endStream(streamId, statusOf(block, 0, block.length), block);
  }

  function readHeadersFrame(chunk: Buffer, flags: number, streamId: number, start: number, end: number): void {
    const from = start + ((flags & paddedFlag) === 0 ? 0 : 1) + ((flags & priorityFlag) === 0 ? 0 : priorityBytes);
    const block = chunk.subarray(from, payloadEnd(chunk, flags, start, end));
    if ((flags & endHeadersFlag) !== 0) readHeaders(streamId, flags, block);
    else fragments = { flags, parts: [Buffer.from(block)] };
  }

  function readContinuation(streamId: number, flags: number, block: Buffer): void {
    if (fragments === undefined) throw new Error("A CONTINUATION frame that continues nothing.");
    fragments.parts.push(Buffer.from(block));
    if ((flags & endHeadersFlag) === 0) return;
    const whole = fragments;
    fragments = undefined;
    readHeaders(streamId, whole.flags, Buffer.concat(whole.parts));
  }

  function readFrame(chunk: Buffer, type: number, flags: number, streamId: number, start: number, end: number): void {
    if (type === frameType.data) {
      countReceived(streamId, end - start);
      events.data(streamId, chunk, start + ((flags & paddedFlag) === 0 ? 0 : 1), payloadEnd(chunk, flags, start, end));
      if ((flags & endStreamFlag) !== 0) endStream(streamId, -1);
    } else if (type === frameType.headers) {
      readHeadersFrame(chunk, flags, streamId, start, end);
    } else if (type === frameType.continuation) {
      readContinuation(streamId, flags, chunk.subarray(start, end));
    } else if (type === frameType.windowUpdate) {
      const bytes = chunk.readUInt32BE(start);
      if (streamId === 0) connectionWindow += bytes;
      else if (trackStreams) grants.set(streamId, (grants.get(streamId) ?? 0) + bytes);
      events.widened();
    } else if (type === frameType.settings) {
      if ((flags & ackFlag) === 0) readSettings(chunk.subarray(start, end));
    } else if (type === frameType.ping) {
      if ((flags & ackFlag) === 0) append(frame(frameType.ping, ackFlag, 0, chunk.subarray(start, end)), 0);
    } else if (type === frameType.reset) {
      endStream(streamId, -1, undefined, chunk.readUInt32BE(start));
    } else if (type === frameType.goaway) {
      accepting = false;
      if (chunk.readUInt32BE(start + 4) !== 0) lose(`GOAWAY with code ${chunk.readUInt32BE(start + 4)}`);
    }
  }

  function endStream(streamId: number, status: number, trailers?: Buffer, resetCode?: number): void {
    receivedOn.delete(streamId);
    grants.delete(streamId);
    events.end(streamId, status, trailers, resetCode);
  }

  function lose(reason: string): void {
    if (closing) return;
    closing = true;
    accepting = false;
    socket.destroy();
    if (open) events.lost(reason);
    else settings.reject(new Error(`No HTTP/2 server: ${reason}`));
  }

  socket.on("data", (incoming: Buffer) => {
    const chunk = rest === undefined ? incoming : Buffer.concat([rest, incoming]);
    rest = undefined;
    let offset = 0;
    while (chunk.length - offset >= frameHeaderBytes) {
      const length = (chunk[offset]! << 16) | (chunk[offset + 1]! << 8) | chunk[offset + 2]!;
      const start = offset + frameHeaderBytes;
      const end = start + length;
      if (end > chunk.length) break;
      readFrame(chunk, chunk[offset + 3]!, chunk[offset + 4]!, chunk.readUInt32BE(offset + 5) & 0x7fffffff, start, end);
      offset = end;
    }
    if (offset < chunk.length) rest = chunk.subarray(offset);
    flush();
  });
  socket.on("error", (error) => lose(error.message));
  socket.on("close", () => lose("connection closed"));
  socket.write(connectionPreface());
  await settings.promise;
  open = true;
  flush();

  const noRoom = tableBytes < defaultTableBytes;
  const firstHeaders = noRoom ? Buffer.concat([noTable, headers.plain]) : headers.first;
  const laterHeaders = noRoom ? headers.plain : headers.later;

  return {
    openStream(moreFields = noFields) {
      const streamId = nextStreamId;
      nextStreamId += 2;
      const block = streamId === 1 ? firstHeaders : laterHeaders;
      writeFrameHeader(headersHead, 0, block.length + moreFields.length, frameType.headers, endHeadersFlag, streamId);
      append(headersHead, 0);
      append(block, 0);
      if (moreFields.length > 0) append(moreFields, 0);
      return streamId;
    },
    maxStreams: () => maxStreams,
    accepting: () => accepting,
    connectionWindow: () => connectionWindow,
    initialWindow: () => initialWindow,
    takeGrant(streamId) {
      const bytes = grants.get(streamId) ?? 0;
      if (bytes > 0) grants.delete(streamId);
      return bytes;
    },
    append,
    writeDirect(frames, dataBytes) {
      flush();
      connectionWindow -= dataBytes;
      socket.write(frames);
    },
    flush,
    close() {
      closing = true;
      socket.destroy();
    },
  };
}

/** An empty DATA frame that half-closes a stream. */
export function halfClose(streamId: number): Buffer {
  const bytes = Buffer.alloc(frameHeaderBytes);
  writeFrameHeader(bytes, 0, 0, frameType.data, endStreamFlag, streamId);
  return bytes;
}
