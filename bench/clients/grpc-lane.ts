// Unary calls on one raw connection: request frames, windows, answers and ends, for closed and open loops alike.

import { openConnection } from "./h2-connection.ts";
import type { Connection } from "./h2-connection.ts";
import {
  cancelFrame,
  dataFrames,
  frameHeaderBytes,
  grpcMessage,
  maxDataBytes,
  requestHeaders,
  setStreamId,
  timeoutField,
} from "./h2-frames.ts";

/** A request message in frames, ready to be sent any number of times. */
export interface RequestTemplate {
  readonly frames: Buffer;
  /** One frame only, whose bytes are copied at once. */
  readonly small: boolean;
  /** Copies of large requests whose calls have ended: a large one belongs to one call, so that it need not be copied. */
  readonly free: Buffer[];
}

/** Makes the template of an encoded request message. */
export function requestTemplate(message: Uint8Array): RequestTemplate {
  const payload = grpcMessage(message);
  return { frames: dataFrames(payload), small: payload.length <= maxDataBytes, free: [] };
}

/** What a lane tells. Called synchronously while a chunk is parsed. */
export interface LaneEvents<Call> {
  /** The message of an answer, valid during the call only. */
  answer(call: Call, message: Buffer): void;
  /**
   * The call has ended with this gRPC status; -1 when it was reset or the connection lost. `trailers`: the header block that ended it;
   * `resetCode`: what the server reset it with.
   */
  end(call: Call, status: number, trailers: Buffer | undefined, resetCode: number | undefined): void;
  /** The connection has gone; its calls have ended before. */
  lost(reason: string): void;
}

/** One connection for unary calls of one method. */
export interface Lane<Call> {
  inFlight(): number;
  /** Calls that the server allows at once. */
  maxStreams(): number;
  /** False once the connection takes no more calls. */
  accepting(): boolean;
  /** Starts a call, sent at the next `flush`. `timeoutMs` is sent as its gRPC deadline. @returns what `cancel` takes. */
  start(call: Call, template: RequestTemplate, timeoutMs?: number): number;
  /** Resets a call; nothing more is told of it. */
  cancel(streamId: number): void;
  flush(): void;
  close(): void;
}

interface Slot<Call> {
  readonly call: Call;
  readonly template: RequestTemplate;
  readonly frames: Buffer;
  readonly streamId: number;
  sent: number;
  window: number;
}

const slotRing = 1 << 16;

/** Opens a lane. `large`: whether requests or answers may exceed a window, which then is kept for each call. */
export async function openLane<Call>(
  target: { readonly host: string; readonly port: number },
  path: string,
  large: boolean,
  events: LaneEvents<Call>,
): Promise<Lane<Call>> {
  const byStream = Array.from<Slot<Call> | undefined>({ length: slotRing });
  const waiting: Slot<Call>[] = [];
  let inFlight = 0;
  const partial = new Map<number, Buffer>();

  // Sends as many whole frames as the windows allow; true when the request is out.
  function push(slot: Slot<Call>, connection: Connection): boolean {
    const { frames, template, streamId } = slot;
    slot.window += connection.takeGrant(streamId);
    let room = Math.min(slot.window, connection.connectionWindow());
    let end = slot.sent;
    while (end < frames.length) {
      const length = Math.min(maxDataBytes, frames.length - end - frameHeaderBytes);
      if (length > room) break;
      room -= length;
      end += length + frameHeaderBytes;
    }
    if (end > slot.sent) {
      const dataBytes = end - slot.sent - Math.ceil((end - slot.sent) / (maxDataBytes + frameHeaderBytes)) * frameHeaderBytes;
      slot.window -= dataBytes;
      if (template.small) {
        // The frame is shared by all calls until it is copied.
        setStreamId(frames, streamId);
        connection.append(frames, dataBytes);
      } else connection.writeDirect(frames.subarray(slot.sent, end), dataBytes);
      slot.sent = end;
    }
    return slot.sent === frames.length;
  }

  function pushWaiting(): void {
    for (let i = 0; i < waiting.length;) {
      if (connection.connectionWindow() <= 0) return;
      if (push(waiting[i]!, connection)) waiting.splice(i, 1);
      else i++;
    }
  }

  function slotOf(streamId: number): Slot<Call> | undefined {
    const slot = byStream[(streamId >>> 1) & (slotRing - 1)];
    return slot?.streamId === streamId ? slot : undefined;
  }

  function forget(slot: Slot<Call>): void {
    byStream[(slot.streamId >>> 1) & (slotRing - 1)] = undefined;
    const place = waiting.indexOf(slot);
    if (place >= 0) waiting.splice(place, 1);
    if (partial.size > 0) partial.delete(slot.streamId);
    inFlight--;
  }

  const authority = `${target.host}:${target.port}`;
  const connection = await openConnection(target, requestHeaders(path, authority), large, {
    data(streamId, chunk, start, end) {
      const slot = slotOf(streamId);
      if (slot === undefined) return;
      const before = partial.get(streamId);
      const bytes = before === undefined ? chunk.subarray(start, end) : Buffer.concat([before, chunk.subarray(start, end)]);
      if (bytes.length < 5 || bytes.length < 5 + bytes.readUInt32BE(1)) {
        partial.set(streamId, Buffer.from(bytes));
        return;
      }
      if (before !== undefined) partial.delete(streamId);
      events.answer(slot.call, bytes.subarray(5));
    },
    end(streamId, status, trailers, resetCode) {
      const slot = slotOf(streamId);
      if (slot === undefined) return;
      forget(slot);
      // A request that was refused half-way may still be in the socket.
      if (status === 0 && !slot.template.small) slot.template.free.push(slot.frames);
      events.end(slot.call, status, trailers, resetCode);
    },
    widened: pushWaiting,
    lost(reason) {
      const left = byStream.filter((slot) => slot !== undefined);
      for (const slot of left) forget(slot);
      for (const { call } of left) events.end(call, -1, undefined, undefined);
      events.lost(reason);
    },
  });

  return {
    inFlight: () => inFlight,
    maxStreams: () => connection.maxStreams(),
    accepting: () => connection.accepting(),
    start(call, template, timeoutMs) {
      const streamId = connection.openStream(timeoutMs === undefined ? undefined : timeoutField(timeoutMs));
      const frames = template.small ? template.frames : (template.free.pop() ?? Buffer.from(template.frames));
      if (!template.small) setStreamId(frames, streamId);
      const slot: Slot<Call> = { call, template, frames, streamId, sent: 0, window: connection.initialWindow() };
      const place = (streamId >>> 1) & (slotRing - 1);
      if (byStream[place] !== undefined) throw new Error("A call stayed open while 65,536 others went by.");
      byStream[place] = slot;
      inFlight++;
      if (!push(slot, connection)) waiting.push(slot);
      return streamId;
    },
    cancel(streamId) {
      const slot = slotOf(streamId);
      if (slot === undefined) return;
      forget(slot);
      connection.append(cancelFrame(streamId), 0);
    },
    flush: () => connection.flush(),
    close: () => connection.close(),
  };
}
