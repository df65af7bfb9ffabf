// The one error class of the client.

import { status } from "@grpc/grpc-js";
import type { Reason, Violation } from "../errors.ts";
import { ERRORS } from "../errors.ts";

/** Canonical gRPC status code, by name. */
export type StatusCode = Exclude<keyof typeof status, "OK">;

/** What a PredictdError may carry besides code, reason and message. */
export interface PredictdErrorOptions {
  /** Fields of the request that are wrong. */
  readonly violations?: readonly Violation[];
  /** Dynamic parts of the message, for programs. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** When a retry may succeed, in milliseconds, as the server said. */
  readonly retryAfterMs?: number;
  /** The thing that was not found. */
  readonly resource?: { readonly type: string; readonly name: string };
  /** What this error was made from. */
  readonly cause?: unknown;
}

/** Every failure of a call, and every argument that cannot be sent. */
export class PredictdError extends Error {
  override readonly name = "PredictdError";
  /** Canonical gRPC status code. */
  readonly code: StatusCode;
  /** Stable reason of predictd's catalogue; "" when the failure did not come from predictd, e.g. when it cannot be reached. */
  readonly reason: Reason | "" | (string & {});
  /** Whether the same request may succeed later without a change. */
  readonly retryable: boolean;
  /** When a retry may succeed, in milliseconds; undefined when the server did not say. */
  readonly retryAfterMs: number | undefined;
  /** Fields of the request that are wrong; empty when none is named. */
  readonly violations: readonly Violation[];
  /** Dynamic parts of the message, for programs. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The thing that was not found. */
  readonly resource: PredictdErrorOptions["resource"];

  constructor(code: StatusCode, reason: PredictdError["reason"], message: string, options: PredictdErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = reason;
    this.retryAfterMs = options.retryAfterMs;
    this.violations = options.violations ?? [];
    this.metadata = options.metadata ?? {};
    this.resource = options.resource;
    this.retryable = isReason(reason) ? ERRORS[reason].retryable : code === "UNAVAILABLE" || options.retryAfterMs !== undefined;
  }

  /** Stage of the request's way at which it ended, e.g. `queue`; undefined when the server did not say. */
  get stage(): string | undefined {
    return this.metadata["stage"];
  }
}

/** The name of a status code; UNKNOWN for a number that gRPC does not define. */
export function statusName(code: number): StatusCode {
  const name = status[code];
  return name === undefined || name === "OK" ? "UNKNOWN" : (name as StatusCode);
}

function isReason(reason: string): reason is Reason {
  return Object.hasOwn(ERRORS, reason);
}
