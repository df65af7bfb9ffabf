// What the trailers of a gRPC call say: status, and of predictd also the reason and the stage.

import { ErrorInfo } from "../../generated/google/rpc/error_details.ts";
import { Status } from "../../generated/google/rpc/status.ts";
import { namedFields } from "../clients/hpack-fields.ts";
import type { Ending } from "./call.ts";

/** gRPC's codes by their numbers. */
export const grpcCodes: readonly string[] = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];
const errorInfoUrl = "type.googleapis.com/google.rpc.ErrorInfo";
const maxRemembered = 4096;

const ok: Ending = { status: "OK" };
const lost: Ending = { status: "LOST" };

function read(status: number, trailers: Buffer): Ending {
  const name = grpcCodes[status] ?? String(status);
  const details = namedFields(trailers).get("grpc-status-details-bin");
  if (details === undefined) return { status: name };
  try {
    const info = Status.decode(Buffer.from(details, "base64")).details.find(({ typeUrl }) => typeUrl === errorInfoUrl);
    if (info === undefined) return { status: name };
    const { reason, metadata } = ErrorInfo.decode(info.value);
    return { status: name, reason, stage: metadata["stage"], predicted: metadata["predicted"] !== undefined };
  } catch {
    // Details of somebody else's making.
    return { status: name };
  }
}

/** Makes a reader of endings. It remembers blocks that it has read: refusals come by the thousand and are mostly alike. */
export function createEndingReader(): (status: number, trailers: Buffer | undefined) => Ending {
  const remembered = new Map<string, Ending>();
  return (status, trailers) => {
    if (status === 0) return ok;
    if (status < 0 || trailers === undefined) return lost;
    const key = trailers.toString("latin1");
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const ending = read(status, trailers);
    if (remembered.size < maxRemembered) remembered.set(key, ending);
    return ending;
  };
}
