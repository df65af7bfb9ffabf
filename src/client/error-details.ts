// From what gRPC reports to PredictdError: google.rpc.Status and its details.

import type { Metadata } from "@grpc/grpc-js";
import { BadRequest, ErrorInfo, ResourceInfo, RetryInfo } from "../../generated/google/rpc/error_details.ts";
import { Status } from "../../generated/google/rpc/status.ts";
import type { PredictdErrorOptions } from "./error.ts";
import { PredictdError, statusName } from "./error.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Any failure as a PredictdError. gRPC's own failures are read with their details; a PredictdError stays what it is.
 * @param cause why the caller gave up, where it did.
 */
export function toPredictdError(error: unknown, cause?: unknown): PredictdError {
  if (error instanceof PredictdError) return error;
  if (!isGrpcFailure(error))
    return new PredictdError("UNKNOWN", "", error instanceof Error ? error.message : String(error), { cause: error });
  const packed = error.metadata?.get("grpc-status-details-bin")[0];
  const details = packed instanceof Uint8Array ? parseStatus(packed) : undefined;
  return fromStatus({ code: error.code, message: error.details, details: details?.details ?? [] }, cause ?? error);
}

/** A `google.rpc.Status`, which also comes in band on sessions, as a PredictdError. Details that cannot be read are left out. */
export function fromStatus(source: Status, cause?: unknown): PredictdError {
  const options: Mutable<PredictdErrorOptions> = { cause };
  let reason = "";
  for (const { typeUrl, value } of source.details) {
    try {
      switch (typeUrl.slice(typeUrl.lastIndexOf("/") + 1)) {
        case "google.rpc.ErrorInfo": {
          const info = ErrorInfo.decode(value);
          reason = info.reason;
          options.metadata = info.metadata;
          break;
        }
        case "google.rpc.BadRequest":
          options.violations = BadRequest.decode(value).fieldViolations.map(({ field, description }) => ({ field, description }));
          break;
        case "google.rpc.RetryInfo": {
          const delay = RetryInfo.decode(value).retryDelay;
          if (delay !== undefined) options.retryAfterMs = Number(delay.seconds) * 1000 + delay.nanos / 1e6;
          break;
        }
        case "google.rpc.ResourceInfo": {
          const { resourceType, resourceName } = ResourceInfo.decode(value);
          options.resource = { type: resourceType, name: resourceName };
          break;
        }
        default:
      }
    } catch {
      // A detail that cannot be read must not hide the status it came with.
    }
  }
  const code = statusName(source.code);
  // These two are also made by the client's own gRPC library, without details, and mean the same.
  if (reason === "" && (code === "DEADLINE_EXCEEDED" || code === "CANCELLED")) reason = code;
  return new PredictdError(code, reason, source.message, options);
}

function parseStatus(bytes: Uint8Array): Status | undefined {
  try {
    return Status.decode(bytes);
  } catch {
    return undefined;
  }
}

function isGrpcFailure(error: unknown): error is { code: number; details: string; metadata: Metadata | undefined } {
  return (
    error instanceof Error && "code" in error && typeof error.code === "number" && "details" in error && typeof error.details === "string"
  );
}
