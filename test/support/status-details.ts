// Reads what an error carries: the google.rpc.Status of grpc-status-details-bin as one flat record.

import { status as grpcStatus } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";

import { BadRequest, ErrorInfo, RequestInfo, ResourceInfo, RetryInfo } from "../../generated/google/rpc/error_details.ts";
import { Status } from "../../generated/google/rpc/status.ts";

/** One error as a caller sees it. */
export interface Failure {
  /** Canonical name of the status code, e.g. `INVALID_ARGUMENT`. */
  readonly code: string;
  readonly message: string;
  /** From ErrorInfo; "" when there is none. */
  readonly reason: string;
  readonly domain: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** From BadRequest. */
  readonly violations: readonly { readonly field: string; readonly description: string }[];
  /** From RetryInfo; undefined when there is none. */
  readonly retryDelayMs: number | undefined;
  /** From ResourceInfo; undefined when there is none. */
  readonly resource: { readonly type: string; readonly name: string } | undefined;
  /** From RequestInfo: the opaque id of an internal error. */
  readonly requestId: string | undefined;
}

/** The name of a status code. */
export function codeName(code: number): string {
  return grpcStatus[code] ?? String(code);
}

/** Flattens a decoded status. */
export function readStatus(status: Status): Failure {
  const detail = (type: string) => status.details.find((any) => any.typeUrl === `type.googleapis.com/google.rpc.${type}`)?.value;
  const [info, badRequest, retry, resource, request] = ["ErrorInfo", "BadRequest", "RetryInfo", "ResourceInfo", "RequestInfo"].map(detail);
  const errorInfo = info && ErrorInfo.decode(info);
  const delay = retry && RetryInfo.decode(retry).retryDelay;
  const found = resource && ResourceInfo.decode(resource);
  return {
    code: codeName(status.code),
    message: status.message,
    reason: errorInfo?.reason ?? "",
    domain: errorInfo?.domain ?? "",
    metadata: { ...errorInfo?.metadata },
    violations: badRequest ? BadRequest.decode(badRequest).fieldViolations.map(({ field, description }) => ({ field, description })) : [],
    retryDelayMs: delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6,
    resource: found && { type: found.resourceType, name: found.resourceName },
    requestId: request && RequestInfo.decode(request).requestId,
  };
}

/** What grpc-js reports, with its details. */
export function readError(error: ServiceError): Failure {
  const bytes = error.metadata?.get("grpc-status-details-bin")[0];
  return readTrailer(error.code, error.details, bytes as Buffer | undefined);
}

/** A status from its trailer fields; throws when the details contradict them. */
export function readTrailer(code: number, message: string, details: Uint8Array | undefined): Failure {
  if (details === undefined) return readStatus({ code, message, details: [] });
  const status = Status.decode(details);
  if (status.code !== code || status.message !== message) {
    throw new Error(`grpc-status ${code} "${message}" and its details ${status.code} "${status.message}" differ`);
  }
  return readStatus(status);
}
