// HTTP/2 frames and pre-encoded request headers for the raw clients of the bench.

/** Frame types that the clients meet. */
export const frameType = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8, continuation: 9 } as const;

/** Flag of DATA and HEADERS: the stream ends with this frame. */
export const endStreamFlag = 0x1;
/** Flag of SETTINGS and PING: this is the answer. */
export const ackFlag = 0x1;
/** Flag of HEADERS: no CONTINUATION follows. */
export const endHeadersFlag = 0x4;
/** Flag of DATA and HEADERS: the payload begins with the length of the padding at its end. */
export const paddedFlag = 0x8;
/** Flag of HEADERS: five bytes of priority stand before the block. */
export const priorityFlag = 0x20;
/** Bytes of a frame header. */
export const frameHeaderBytes = 9;
/** Payload of one DATA frame. One byte below the 16,384 that every peer accepts, so that four fill the default window of 65,535. */
export const maxDataBytes = 16_383;
/** The largest window HTTP/2 knows. */
export const maxWindowBytes = 2 ** 31 - 1;
/** Window before any SETTINGS or WINDOW_UPDATE. */
export const defaultWindowBytes = 65_535;

const cancelCode = 8;

/** Writes one frame header. */
export function writeFrameHeader(target: Buffer, offset: number, length: number, type: number, flags: number, streamId: number): void {
  target.writeUIntBE(length, offset, 3);
  target[offset + 3] = type;
  target[offset + 4] = flags;
  target.writeUInt32BE(streamId, offset + 5);
}

/** One whole frame. */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeaderBytes + payload.length);
  writeFrameHeader(bytes, 0, payload.length, type, flags, streamId);
  bytes.set(payload, frameHeaderBytes);
  return bytes;
}

/** A WINDOW_UPDATE that grants `bytes` on a stream, or on the connection for stream 0. */
export function windowUpdate(streamId: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(frameType.windowUpdate, 0, streamId, payload);
}

/** A RST_STREAM that says CANCEL, as clients send when a call's deadline has passed. */
export function cancelFrame(streamId: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(cancelCode);
  return frame(frameType.reset, 0, streamId, payload);
}

/** What a client sends first: no push, no dynamic header table for answers, and windows that never hold the server back. */
export function connectionPreface(): Buffer {
  const settings: readonly (readonly [number, number])[] = [
    [0x1, 0],
    [0x2, 0],
    [0x4, maxWindowBytes],
  ];
  const payload = Buffer.alloc(settings.length * 6);
  settings.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  });
  return Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1"),
    frame(frameType.settings, 0, 0, payload),
    windowUpdate(0, maxWindowBytes - defaultWindowBytes),
  ]);
}

/**
 * Header blocks of one gRPC method: the first enters the names into the server's table, later ones only point there. `plain` enters
 * nothing, for servers whose table has no room.
 */
export interface RequestHeaders {
  readonly first: Buffer;
  readonly later: Buffer;
  readonly plain: Buffer;
}

const timeoutName = literalName("grpc-timeout");
const maxTimeoutDigits = 8;

function literalName(name: string): Buffer {
  return Buffer.concat([Buffer.from([0x00, name.length]), Buffer.from(name, "latin1")]);
}

/** The header `grpc-timeout` for the end of any header block: in microseconds where 8 digits suffice, else in milliseconds; at least 1. */
export function timeoutField(ms: number): Buffer {
  const us = String(Math.max(1, Math.round(ms * 1000)));
  const value = us.length <= maxTimeoutDigits ? `${us}u` : `${Math.round(ms)}m`;
  return Buffer.concat([timeoutName, plainString(value)]);
}

function plainString(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  if (bytes.length > 126) throw new Error(`Header value of ${bytes.length} bytes: the bench encodes at most 126.`);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

/** Encodes the request headers of one gRPC method (HPACK, RFC 7541; static names :authority 1, :path 4, content-type 31). */
export function requestHeaders(path: string, authority: string): RequestHeaders {
  const method = Buffer.from([0x83, 0x86]);
  const literals = (indexed: (staticName: number) => readonly number[]): Buffer =>
    Buffer.concat([
      method,
      Buffer.from(indexed(4)),
      plainString(path),
      Buffer.from(indexed(1)),
      plainString(authority),
      Buffer.from(indexed(31)),
      plainString("application/grpc"),
      Buffer.from(indexed(0)),
      plainString("te"),
      plainString("trailers"),
    ]);
  return {
    first: literals((name) => [0x40 | name]),
    later: Buffer.concat([method, Buffer.from([0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62])]),
    // Four bits for the number of the name; what does not fit goes into the next byte.
    plain: literals((name) => (name < 15 ? [name] : [15, name - 15])),
  };
}

/** A gRPC message: flag, length, bytes. */
export function grpcMessage(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(5 + message.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, 5);
  return bytes;
}

/** The DATA frames of one unary request, stream ids still to be filled in by `setStreamId`; the last one ends the stream. */
export function dataFrames(payload: Uint8Array): Buffer {
  const count = Math.max(1, Math.ceil(payload.length / maxDataBytes));
  const bytes = Buffer.allocUnsafe(payload.length + count * frameHeaderBytes);
  let offset = 0;
  for (let i = 0; i < count; i++) {
    const part = payload.subarray(i * maxDataBytes, (i + 1) * maxDataBytes);
    writeFrameHeader(bytes, offset, part.length, frameType.data, i === count - 1 ? endStreamFlag : 0, 0);
    bytes.set(part, offset + frameHeaderBytes);
    offset += frameHeaderBytes + part.length;
  }
  return bytes;
}

/** Fills the stream id into every frame of `dataFrames`. */
export function setStreamId(frames: Buffer, streamId: number): void {
  for (let offset = 0; offset < frames.length; offset += frameHeaderBytes + maxDataBytes) frames.writeUInt32BE(streamId, offset + 5);
}
