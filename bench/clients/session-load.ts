// Session load: many predictions in flight on bidirectional streams, each answer matched to its id exactly once.

import { halfClose, openConnection } from "./h2-connection.ts";
import type { Connection } from "./h2-connection.ts";
import { frameHeaderBytes, frameType, grpcMessage, requestHeaders, writeFrameHeader } from "./h2-frames.ts";
import { sessionIdPlaceholder } from "./load-spec.ts";
import type { LoadResult, LoadSpec } from "./load-spec.ts";
import { answerReaders } from "./session-answers.ts";
import { startTally } from "./tally.ts";
import type { Tally } from "./tally.ts";

const idBits = 6;
const idCount = 1 << (3 * idBits);
const idBase = 0x30;

// Sends and checks the messages of one stream.
interface SessionStream {
  readonly streamId: number;
  pump(): void;
  take(chunk: Buffer, start: number, end: number): void;
  inFlight(): number;
}

function openStream(spec: LoadSpec, message: Buffer, connection: Connection, tally: Tally): SessionStream {
  const perFrame = spec.messagesPerFrame ?? 1;
  const readAnswer = answerReaders[spec.service ?? "predictd.v1"];
  const idOffset = message.indexOf(sessionIdPlaceholder, 0, "latin1");
  if (idOffset < 0) throw new Error("The session message has no id placeholder.");
  const dataBytes = message.length * perFrame;
  const out = Buffer.allocUnsafe(frameHeaderBytes + dataBytes);
  const streamId = connection.openStream();
  writeFrameHeader(out, 0, dataBytes, frameType.data, 0, streamId);
  for (let i = 0; i < perFrame; i++) message.copy(out, frameHeaderBytes + i * message.length);
  const startedMs = new Float64Array(idCount);
  let nextId = 0;
  let inFlight = 0;
  let window = connection.initialWindow();
  let rest: Buffer | undefined;

  function takeMessage(bytes: Buffer, start: number, end: number, nowMs: number): void {
    const { idAt: at, isError, responseAt } = readAnswer(bytes, start);
    const id = ((bytes[at]! - idBase) << (2 * idBits)) | ((bytes[at + 1]! - idBase) << idBits) | (bytes[at + 2]! - idBase);
    const began = startedMs[id]!;
    if (began === 0) throw new Error("An answer whose id is not in flight.");
    startedMs[id] = 0;
    inFlight--;
    tally.finish(nowMs, began, isError ? 2 : 0);
    if (!isError) tally.answer(nowMs, began, bytes.subarray(spec.timings === true ? responseAt : start, end));
  }

  return {
    streamId,
    inFlight: () => inFlight,
    pump() {
      window += connection.takeGrant(streamId);
      const nowMs = performance.now();
      if (!tally.running(nowMs)) return;
      while (inFlight + perFrame <= spec.inFlight && window >= dataBytes && connection.connectionWindow() >= dataBytes) {
        for (let i = 0; i < perFrame; i++) {
          const at = frameHeaderBytes + i * message.length + idOffset;
          out[at] = idBase + (nextId >> (2 * idBits));
          out[at + 1] = idBase + ((nextId >> idBits) & 63);
          out[at + 2] = idBase + (nextId & 63);
          startedMs[nextId] = nowMs;
          nextId = (nextId + 1) & (idCount - 1);
        }
        inFlight += perFrame;
        window -= dataBytes;
        connection.append(out, dataBytes);
      }
    },
    take(chunk, start, end) {
      const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk.subarray(start, end)]);
      let offset = rest === undefined ? start : 0;
      const limit = rest === undefined ? end : bytes.length;
      rest = undefined;
      const nowMs = performance.now();
      while (limit - offset >= 5) {
        const next = offset + 5 + bytes.readUInt32BE(offset + 1);
        if (next > limit) break;
        takeMessage(bytes, offset + 5, next, nowMs);
        offset = next;
      }
      if (offset < limit) rest = Buffer.from(bytes.subarray(offset, limit));
    },
  };
}

/** Keeps `inFlight` messages open on each stream until the time is over, then half-closes and expects every stream to end with OK. */
export async function runSessionLoad(spec: LoadSpec, path: string, request: Uint8Array): Promise<LoadResult> {
  const tally = startTally(spec);
  const message = grpcMessage(request);
  const closers: (() => void)[] = [];
  const ends: Promise<void>[] = [];
  for (let c = 0; c < spec.connections; c++) {
    const streams = new Map<number, SessionStream>();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const closed = new Set<number>();
    const advance = (stream: SessionStream): void => {
      stream.pump();
      if (stream.inFlight() > 0 || closed.has(stream.streamId) || tally.running(performance.now())) return;
      closed.add(stream.streamId);
      connection.append(halfClose(stream.streamId), 0);
    };
    const connection = await openConnection({ host: "127.0.0.1", port: spec.port }, requestHeaders(path, `127.0.0.1:${spec.port}`), true, {
      data(streamId, chunk, start, end) {
        const stream = streams.get(streamId);
        if (stream === undefined) return;
        stream.take(chunk, start, end);
        advance(stream);
      },
      end(streamId, status) {
        const left = streams.get(streamId)?.inFlight() ?? 0;
        streams.delete(streamId);
        if (status !== 0 || left > 0) reject(new Error(`A session ended with status ${status} and ${left} predictions unanswered.`));
        else if (streams.size === 0) resolve();
      },
      widened() {
        for (const stream of streams.values()) advance(stream);
      },
      lost(reason) {
        reject(new Error(`Connection lost: ${reason}`));
      },
    });
    for (let s = 0; s < (spec.streams ?? 1); s++) {
      const stream = openStream(spec, message, connection, tally);
      streams.set(stream.streamId, stream);
    }
    for (const stream of streams.values()) stream.pump();
    connection.flush();
    ends.push(promise);
    closers.push(() => connection.close());
  }
  await Promise.all(ends);
  for (const close of closers) close();
  return tally.result();
}
