// Plain HTTP/1.1 calls for servers that do not speak gRPC: one call at a time on each kept connection.

import { Agent, request } from "node:http";
import type { ClientRequest } from "node:http";
import type { Call } from "./call.ts";
import type { Transport, TransportEvents } from "./transport.ts";

/** Settings of the transport. */
export interface HttpTransportOptions {
  readonly host: string;
  readonly port: number;
  /** Path and JSON body of each class. */
  readonly requests: readonly { readonly path: string; readonly body: Buffer }[];
  readonly connections: number;
}

/** Creates the transport; connections are opened as they are needed. */
export function openHttpTransport({ host, port, requests, connections }: HttpTransportOptions, events: TransportEvents): Transport {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections });
  const open = new Map<number, ClientRequest>();
  let received = 0;
  let nextHandle = 0;

  function finish(call: Call, status: string): void {
    received++;
    // What was cancelled has been counted by whoever cancelled it.
    if (open.delete(call.handle)) events.ended(call, { status });
  }

  return {
    tryStart(call) {
      if (open.size >= connections) return false;
      const { path, body } = requests[call.classIndex]!;
      const headers = { "content-type": "application/json", "content-length": body.length };
      const outgoing = request({ agent, host, port, path, method: "POST", headers }, (response) => {
        response.resume();
        response.once("end", () => finish(call, response.statusCode === 200 ? "OK" : `HTTP ${response.statusCode}`));
        response.on("error", () => finish(call, "LOST"));
      });
      outgoing.on("error", () => finish(call, "LOST"));
      call.handle = nextHandle++;
      open.set(call.handle, outgoing);
      outgoing.end(body);
      return true;
    },
    cancel(call) {
      const outgoing = open.get(call.handle);
      open.delete(call.handle);
      outgoing?.destroy();
    },
    flush() {},
    receivedCount: () => received,
    connectionCount: () => connections,
    close() {
      for (const outgoing of open.values()) outgoing.destroy();
      open.clear();
      agent.destroy();
    },
  };
}
