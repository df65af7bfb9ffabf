// Why a server could not start, in words for who started it.

import type { Config } from "../../config/config.ts";
import { CommandError } from "../command-error.ts";
import { UsageError } from "../usage-error.ts";

const BIND_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there; --grpc-port takes another port, 0 any free one",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "this user may not use that port",
  ENOTFOUND: "no such host",
};

/** A folder or port that cannot be used as a UsageError or CommandError; everything else as it is. */
export function toStartError(error: unknown, { host, grpcPort }: Pick<Config, "host" | "grpcPort">): unknown {
  if (error instanceof Error && error.name === "ModelFolderError") return new UsageError(`${error.message}.`);
  // grpc-js reports the system's error inside the text of its own.
  const code = error instanceof Error ? Object.keys(BIND_PROBLEMS).find((name) => error.message.includes(name)) : undefined;
  return code === undefined ? error : new CommandError(`Cannot listen on ${host}:${grpcPort}: ${BIND_PROBLEMS[code]} (${code}).`);
}
