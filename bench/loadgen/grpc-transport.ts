// Unary gRPC calls over several raw HTTP/2 connections.

import { setTimeout as sleep } from "node:timers/promises";
import { openLane, requestTemplate } from "../clients/grpc-lane.ts";
import type { Lane } from "../clients/grpc-lane.ts";
import type { Call } from "./call.ts";
import { createEndingReader } from "./grpc-ending.ts";
import type { Transport, TransportEvents } from "./transport.ts";

/** Settings of the transport. */
export interface GrpcTransportOptions {
  readonly host: string;
  readonly port: number;
  /** The method, `/inference.GRPCInferenceService/ModelInfer`. */
  readonly path: string;
  /** Encoded request message of each class. */
  readonly messages: readonly Uint8Array[];
  readonly connections: number;
  /** Calls on one connection at once, where the server does not allow fewer. */
  readonly maxCallsPerConnection: number;
  /** Takes the message of each OK answer. */
  readonly answer?: (call: Call, message: Buffer) => void;
}

const reconnectMs = 50;

/** Opens the connections. @throws Error when the server cannot be reached. */
export async function openGrpcTransport(options: GrpcTransportOptions, events: TransportEvents): Promise<Transport> {
  const { path, maxCallsPerConnection } = options;
  const templates = options.messages.map((message) => requestTemplate(message));
  const large = templates.some(({ small }) => !small);
  const readEnding = createEndingReader();
  const lanes: (Lane<Call> | undefined)[] = [];
  const laneOf = new WeakMap<Call, Lane<Call>>();
  let received = 0;
  let turn = 0;
  const state = { closed: false };

  async function open(): Promise<Lane<Call>> {
    return await openLane<Call>(options, path, large, {
      answer(call, message) {
        received++;
        options.answer?.(call, message);
      },
      end(call, status, trailers, resetCode) {
        received++;
        events.ended(call, resetCode === undefined ? readEnding(status, trailers) : { status: `RESET ${resetCode}` });
      },
      lost() {},
    });
  }

  // A connection that the server has closed, or will, is replaced while the others go on.
  async function replace(place: number): Promise<void> {
    lanes[place] = undefined;
    while (!state.closed && lanes[place] === undefined) {
      try {
        lanes[place] = await open();
      } catch {
        await sleep(reconnectMs);
      }
    }
    if (state.closed) lanes[place]?.close();
  }

  function freeLane(): Lane<Call> | undefined {
    for (let tries = 0; tries < lanes.length; tries++) {
      const place = turn++ % lanes.length;
      const lane = lanes[place];
      if (lane === undefined) continue;
      if (!lane.accepting()) void replace(place);
      else if (lane.inFlight() < Math.min(maxCallsPerConnection, lane.maxStreams())) return lane;
    }
    return undefined;
  }

  for (let i = 0; i < options.connections; i++) lanes.push(await open());
  return {
    tryStart(call, nowMs) {
      const lane = freeLane();
      if (lane === undefined) return false;
      laneOf.set(call, lane);
      const timeoutMs = call.deadlineAtMs === Infinity ? undefined : call.deadlineAtMs - nowMs;
      call.handle = lane.start(call, templates[call.classIndex]!, timeoutMs);
      return true;
    },
    cancel(call) {
      laneOf.get(call)?.cancel(call.handle);
    },
    flush() {
      for (const lane of lanes) lane?.flush();
    },
    receivedCount: () => received,
    connectionCount: () => lanes.length,
    close() {
      state.closed = true;
      for (const lane of lanes) lane?.close();
    },
  };
}
