// Unary load over raw connections: calls in flight in closed loop, or Poisson arrivals in open loop.

import { openConnection } from "./h2-connection.ts";
import type { Connection } from "./h2-connection.ts";
import { dataFrames, defaultWindowBytes, frameHeaderBytes, grpcMessage, maxDataBytes, requestHeaders, setStreamId } from "./h2-frames.ts";
import type { LoadResult, LoadSpec } from "./load-spec.ts";
import { startTally } from "./tally.ts";
import type { Tally } from "./tally.ts";

// One call in flight: its frames belong to it until it has ended, so that large ones need no copy.
interface Slot {
  readonly frames: Buffer;
  streamId: number;
  startedMs: number;
  sent: number;
  window: number;
}

/** Opens calls on one connection. */
export interface Lane {
  readonly inFlight: () => number;
  /** Starts one call whose latency counts from `startedMs`; sent at the next `flush`. */
  start(startedMs: number): void;
  flush(): void;
  close(): void;
}

const slotRing = 1 << 16;
const smallBytes = maxDataBytes;

/** Opens one connection; `onEnd` is called after each call has been counted. */
export async function openLane(
  spec: LoadSpec,
  path: string,
  request: Uint8Array,
  tally: Tally,
  onEnd: (lane: Lane) => void,
): Promise<Lane> {
  const payload = grpcMessage(request);
  const small = payload.length <= smallBytes;
  const template = dataFrames(payload);
  const free: Slot[] = [];
  const byStream = Array.from<Slot | undefined>({ length: slotRing });
  const waiting: Slot[] = [];
  let inFlight = 0;
  let partial: { streamId: number; bytes: Buffer } | undefined;

  // Sends as many whole frames as the windows allow; true when the request is out.
  function push(slot: Slot, connection: Connection): boolean {
    slot.window += connection.takeGrant(slot.streamId);
    let room = Math.min(slot.window, connection.connectionWindow());
    let end = slot.sent;
    while (end < slot.frames.length) {
      const length = Math.min(maxDataBytes, slot.frames.length - end - frameHeaderBytes);
      if (length > room) break;
      room -= length;
      end += length + frameHeaderBytes;
    }
    if (end > slot.sent) {
      const dataBytes = end - slot.sent - Math.ceil((end - slot.sent) / (maxDataBytes + frameHeaderBytes)) * frameHeaderBytes;
      slot.window -= dataBytes;
      if (small) connection.append(slot.frames, dataBytes);
      else connection.writeDirect(slot.frames.subarray(slot.sent, end), dataBytes);
      slot.sent = end;
    }
    return slot.sent === slot.frames.length;
  }

  function pushWaiting(): void {
    for (let i = 0; i < waiting.length;) {
      if (connection.connectionWindow() <= 0) return;
      if (push(waiting[i]!, connection)) waiting.splice(i, 1);
      else i++;
    }
  }

  function slotOf(streamId: number): Slot | undefined {
    const slot = byStream[(streamId >>> 1) & (slotRing - 1)];
    return slot?.streamId === streamId ? slot : undefined;
  }

  const connection = await openConnection({ host: "127.0.0.1", port: spec.port }, requestHeaders(path, `127.0.0.1:${spec.port}`), !small, {
    data(streamId, chunk, start, end) {
      const slot = slotOf(streamId);
      if (slot === undefined) return;
      let bytes = chunk.subarray(start, end);
      if (partial?.streamId === streamId) bytes = Buffer.concat([partial.bytes, bytes]);
      if (bytes.length < 5 || bytes.length < 5 + bytes.readUInt32BE(1)) {
        partial = { streamId, bytes: Buffer.from(bytes) };
        return;
      }
      partial = undefined;
      tally.answer(performance.now(), slot.startedMs, bytes.subarray(5));
    },
    end(streamId, status) {
      const slot = slotOf(streamId);
      if (slot === undefined) return;
      byStream[(streamId >>> 1) & (slotRing - 1)] = undefined;
      const late = waiting.indexOf(slot);
      if (late >= 0) waiting.splice(late, 1);
      inFlight--;
      // A slot whose request was refused half-way may still be in the socket.
      if (status === 0) free.push(slot);
      tally.finish(performance.now(), slot.startedMs, status);
      onEnd(lane);
    },
    widened: pushWaiting,
    lost(reason) {
      throw new Error(`Connection lost: ${reason}`);
    },
  });

  const lane: Lane = {
    inFlight: () => inFlight,
    start(startedMs) {
      const slot = free.pop() ?? { frames: Buffer.from(template), streamId: 0, startedMs: 0, sent: 0, window: defaultWindowBytes };
      slot.streamId = connection.openStream();
      slot.startedMs = startedMs;
      slot.sent = 0;
      slot.window = connection.initialWindow();
      setStreamId(slot.frames, slot.streamId);
      const place = (slot.streamId >>> 1) & (slotRing - 1);
      if (byStream[place] !== undefined) throw new Error("A call stayed open while 65,536 others went by.");
      byStream[place] = slot;
      inFlight++;
      if (!push(slot, connection)) waiting.push(slot);
    },
    flush: () => connection.flush(),
    close: () => connection.close(),
  };
  return lane;
}

/** Closed loop: each connection keeps `inFlight` calls open until the time is over. */
export async function runClosedLoop(spec: LoadSpec, path: string, request: Uint8Array): Promise<LoadResult> {
  const tally = startTally(spec);
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let open = spec.connections;
  const onEnd = (lane: Lane): void => {
    const nowMs = performance.now();
    if (tally.running(nowMs)) lane.start(nowMs);
    else if (lane.inFlight() === 0 && --open === 0) resolve();
  };
  const lanes = await Promise.all(Array.from({ length: spec.connections }, () => openLane(spec, path, request, tally, onEnd)));
  for (const lane of lanes) {
    for (let i = 0; i < spec.inFlight; i++) lane.start(performance.now());
    lane.flush();
  }
  if (spec.polling === true) {
    const poll = (): void => {
      if (open > 0) setImmediate(poll);
    };
    poll();
  }
  await done;
  for (const lane of lanes) lane.close();
  return tally.result();
}
