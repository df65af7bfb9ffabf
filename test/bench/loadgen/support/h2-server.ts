// An HTTP/2 server of Node's own making that answers as a test tells it, for the raw client.

import { createServer } from "node:http2";
import type { Http2Server, OutgoingHttpHeaders, ServerHttp2Stream, ServerOptions } from "node:http2";

/** A running server. */
export interface H2Server {
  readonly port: number;
  /** Headers of the requests so far. */
  readonly requests: readonly Readonly<Record<string, unknown>>[];
  close(): void;
}

/** Starts it. `respond` is called for each stream once its request has ended. */
export async function startH2Server(options: ServerOptions, respond: (stream: ServerHttp2Stream) => void): Promise<H2Server> {
  const requests: Readonly<Record<string, unknown>>[] = [];
  const server: Http2Server = createServer(options);
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream, headers) => {
    requests.push({ ...headers });
    stream.on("error", () => {});
    stream.resume();
    stream.on("end", () => respond(stream));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("A TCP server without a port. This is a bug.");
  return {
    port: address.port,
    requests,
    close() {
      for (const session of sessions) session.destroy();
      server.close();
    },
  };
}

/** Answers with one gRPC message and trailers. */
export function answer(stream: ServerHttp2Stream, message: Uint8Array, trailers: OutgoingHttpHeaders): void {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  stream.end(Buffer.concat([prefix, message]));
}

/** Answers Trailers-Only. */
export function refuse(stream: ServerHttp2Stream, headers: OutgoingHttpHeaders): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc", ...headers }, { endStream: true });
}
