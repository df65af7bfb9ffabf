// Options of a client, completed and range-checked once.

import type { ChannelCredentials, ChannelOptions } from "@grpc/grpc-js";
import { credentials as grpcCredentials } from "@grpc/grpc-js";
import { PredictdError } from "./error.ts";

/** Options of a client. */
export interface ClientOptions {
  /** Where the server listens, `host:port`, or any target that gRPC resolves, e.g. `dns:///predictd:8001`. */
  readonly address: string;
  /** Default: plaintext. */
  readonly credentials?: ChannelCredentials;
  /** Time of a call that names no `timeoutMs`, in milliseconds; default 10,000. */
  readonly defaultDeadlineMs?: number;
  /** grpc-js channel options; they win over predictd's own, which allow messages of 64 MiB both ways. */
  readonly channelOptions?: ChannelOptions;
}

const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/**
 * Every option with its value.
 * @throws PredictdError INVALID_ARGUMENT for an empty address, or a deadline that is not above 0.
 */
export function completeClientOptions(source: string | ClientOptions): Required<ClientOptions> {
  const options = typeof source === "string" ? { address: source } : source;
  const { address, credentials = grpcCredentials.createInsecure(), defaultDeadlineMs = 10_000, channelOptions = {} } = options;
  if (address === "") throw new PredictdError("INVALID_ARGUMENT", "FIELD_INVALID", "address must be host:port, not empty.");
  if (!(defaultDeadlineMs > 0)) {
    throw new PredictdError("INVALID_ARGUMENT", "FIELD_INVALID", `defaultDeadlineMs must be a number above 0, not ${defaultDeadlineMs}.`);
  }
  return {
    address,
    credentials,
    defaultDeadlineMs,
    channelOptions: {
      "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
      "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
      ...channelOptions,
    },
  };
}
