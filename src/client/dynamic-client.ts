// Calls any method of any server, as far as proto files or another description known only at run time tell its messages.

import { once } from "node:events";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import { Client, Metadata } from "@grpc/grpc-js";
import type { CallOptions } from "./call-options.ts";
import { grpcOptions } from "./call-options.ts";
import type { ClientOptions } from "./client-options.ts";
import { completeClientOptions } from "./client-options.ts";
import { PredictdError } from "./error.ts";
import { serverStream } from "./server-stream.ts";

/** What has to be known of a method; methods that `@grpc/proto-loader` describes fit. */
export interface DynamicMethod {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** Whether the method answers with any number of messages; otherwise it is one. */
  readonly responseStream: boolean;
  readonly requestSerialize: (message: object) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => object;
}

/** One request header. The value of a name that ends in `-bin` is bytes, of any other name printable ASCII. */
export type Header = readonly [name: string, value: string | Uint8Array];

/** Options of a dynamic call; its headers may repeat a name, and are sent in their order. */
export interface DynamicCallOptions extends Omit<CallOptions, "metadata"> {
  /** Request headers; default: none. */
  readonly headers?: readonly Header[];
}

/** A connection for dynamic calls. */
export interface DynamicClient {
  /**
   * Sends every request, no faster than the server takes them, and gives the answers as they come. Leaving the loop cancels the call.
   * @throws PredictdError when the call ends with another status than OK, and INTERNAL for a method of one answer that gave none or more.
   */
  call(method: DynamicMethod, requests: readonly object[], options?: DynamicCallOptions): AsyncGenerator<object, void, undefined>;
  /** Closes the connection; calls in flight are finished, new ones fail. */
  close(): void;
}

/**
 * Makes a dynamic client. It connects with the first call.
 * @param target `host:port`, or options.
 * @throws PredictdError INVALID_ARGUMENT for options out of range.
 */
export function createDynamicClient(target: string | ClientOptions): DynamicClient {
  const { address, credentials, defaultDeadlineMs, channelOptions } = completeClientOptions(target);
  const client = new Client(address, credentials, channelOptions);
  return {
    async *call(method, requests, options = {}) {
      const over = new AbortController();
      const { path, requestSerialize, responseDeserialize } = method;
      // The four kinds of methods differ in how many messages go each way, and are one on the wire.
      const open = (): ClientDuplexStream<object, object> => {
        const metadata = toMetadata(options.headers ?? []);
        const callOptions = grpcOptions(options, defaultDeadlineMs);
        const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, callOptions);
        void send(stream, requests, over.signal);
        return stream;
      };
      let count = 0;
      try {
        for await (const response of serverStream(open, (message) => message, options)) {
          count++;
          yield response;
        }
      } finally {
        over.abort();
      }
      if (!method.responseStream && count !== 1) {
        throw new PredictdError(
          "INTERNAL",
          "",
          `${path} ended with OK after ${count} messages; it is described as a method that gives one.`,
        );
      }
    },
    close() {
      client.close();
    },
  };
}

/** Never rejects: how the call ended is learnt by reading. */
async function send(stream: ClientDuplexStream<object, object>, requests: readonly object[], over: AbortSignal): Promise<void> {
  for (const request of requests) {
    if (over.aborted) return;
    // A server that answers early stops reading, and then no `drain` comes.
    if (!stream.write(request)) await once(stream, "drain", { signal: over }).catch(() => {});
  }
  if (!over.aborted) stream.end();
}

function toMetadata(headers: readonly Header[]): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of headers) metadata.add(name, typeof value === "string" ? value : Buffer.from(value));
  return metadata;
}
