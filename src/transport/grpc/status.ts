// ServiceError to gRPC: status code, message and google.rpc.Status details, always small enough for any peer's header limit.

import type { OutgoingHttpHeaders } from "node:http2";
import {
  BadRequest,
  ErrorInfo,
  PreconditionFailure,
  QuotaFailure,
  ResourceInfo,
  RetryInfo,
} from "../../../generated/google/rpc/error_details.ts";
import { Status } from "../../../generated/google/rpc/status.ts";
import type { Code, Reason, ServiceError } from "../../errors.ts";

/** gRPC's numbers. */
const CODE_NUMBERS: Readonly<Record<Code, number>> = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
};

/** Refusals by the state that a model is in: callers may wait for another, or bring it about. */
const PRECONDITIONS: ReadonlySet<Reason> = new Set<Reason>(["MODEL_NOT_READY", "MODEL_CHANGING", "MODEL_LOAD_FAILED"]);

/** Domain of every ErrorInfo. */
export const ERROR_DOMAIN = "predictd";

/**
 * Peers commonly stop at 8 KiB of headers; base64 adds a third, and the message comes on top with up to three characters a byte. So all
 * are limits in UTF-8 bytes, and with every detail at its longest the status stays below 6 KB in base64.
 */
const MAX_MESSAGE_BYTES = 400;
const MAX_TEXT_BYTES = 200;
const MAX_METADATA_BYTES = 800;
const MAX_VIOLATIONS = 8;
const MAX_VIOLATIONS_BYTES = 1300;
const ELLIPSIS = "…";
const ELLIPSIS_BYTES = 3;

/** Cuts text to UTF-8 bytes, at the end of a character; a half of a surrogate pair is replaced. @param maxBytes at least 3. */
function cut(text: string, maxBytes: number): string {
  // No character takes more bytes than three for each of its units.
  if (text.length * 3 <= maxBytes) return text.toWellFormed();
  const { read } = encoder.encodeInto(text, scratch.subarray(0, maxBytes));
  if (read === text.length) return text.toWellFormed();
  const kept = encoder.encodeInto(text, scratch.subarray(0, maxBytes - ELLIPSIS_BYTES)).read;
  return `${text.slice(0, kept).toWellFormed()}${ELLIPSIS}`;
}

const encoder = new TextEncoder();
const scratch = new Uint8Array(MAX_MESSAGE_BYTES);

/** The texts that fit into so many bytes together, each of them cut; what comes after them is left out. */
function fit<Entry>(entries: readonly Entry[], maxBytes: number, shorten: (entry: Entry) => readonly [Entry, readonly string[]]): Entry[] {
  const fitting: Entry[] = [];
  let rest = maxBytes;
  for (const entry of entries) {
    const [short, texts] = shorten(entry);
    // Tags and lengths: of each text at most three bytes, of the entry as many.
    rest -= 3;
    for (const text of texts) rest -= 3 + Buffer.byteLength(text);
    if (rest < 0) break;
    fitting.push(short);
  }
  return fitting;
}

/** What recurring errors look like: under overload most answers are one of a few. */
const encodedStatuses = new WeakMap<ServiceError, Uint8Array>();
const trailersOfRecurring = new WeakMap<ServiceError, OutgoingHttpHeaders>();

/** The error as an encoded google.rpc.Status. Not to be changed. */
export function encodeStatus(error: ServiceError): Uint8Array {
  if (!error.recurs) return toStatus(error);
  let encoded = encodedStatuses.get(error);
  if (encoded === undefined) encodedStatuses.set(error, (encoded = toStatus(error)));
  return encoded;
}

function toStatus(error: ServiceError): Uint8Array {
  const metadata = Object.fromEntries(
    fit(Object.entries(error.metadata), MAX_METADATA_BYTES, ([key, value]) => {
      const short: [string, string] = [cut(key, MAX_TEXT_BYTES), cut(value, MAX_TEXT_BYTES)];
      return [short, short];
    }),
  );
  const details = [pack("ErrorInfo", ErrorInfo.encode({ reason: error.reason, domain: ERROR_DOMAIN, metadata }).finish())];
  if (error.violations.length > 0) {
    const violations = fit(error.violations.slice(0, MAX_VIOLATIONS), MAX_VIOLATIONS_BYTES, ({ field, description }) => {
      const short = { field: cut(field, MAX_TEXT_BYTES), description: cut(description, MAX_TEXT_BYTES) };
      return [short, [short.field, short.description]];
    });
    const fieldViolations = violations.map((violation) => ({ ...violation, reason: error.reason, localizedMessage: undefined }));
    details.push(pack("BadRequest", BadRequest.encode({ fieldViolations }).finish()));
  }
  if (PRECONDITIONS.has(error.reason)) {
    const subject = cut(error.resource?.name ?? "", MAX_TEXT_BYTES);
    const violation = { type: error.reason, subject, description: cut(error.message, MAX_TEXT_BYTES) };
    details.push(pack("PreconditionFailure", PreconditionFailure.encode({ violations: [violation] }).finish()));
  }
  if (error.retryAfterMs !== undefined) details.push(pack("RetryInfo", encodeRetryInfo(error.retryAfterMs)));
  if (error.resource !== undefined) {
    const { type, name } = error.resource;
    const info = { resourceType: cut(type, MAX_TEXT_BYTES), resourceName: cut(name, MAX_TEXT_BYTES), owner: "", description: "" };
    details.push(pack("ResourceInfo", ResourceInfo.encode(info).finish()));
  }
  if (error.quota !== undefined) {
    const violation = {
      subject: cut(error.quota.subject, MAX_TEXT_BYTES),
      description: cut(error.quota.description, MAX_TEXT_BYTES),
      apiService: "",
      quotaMetric: "",
      quotaId: "",
      quotaDimensions: {},
      quotaValue: 0n,
      futureQuotaValue: undefined,
    };
    details.push(pack("QuotaFailure", QuotaFailure.encode({ violations: [violation] }).finish()));
  }
  return Status.encode({ code: CODE_NUMBERS[error.code], message: cut(error.message, MAX_MESSAGE_BYTES), details }).finish();
}

function encodeRetryInfo(retryAfterMs: number): Uint8Array {
  const seconds = Math.floor(retryAfterMs / 1000);
  const retryDelay = { seconds: BigInt(seconds), nanos: Math.round((retryAfterMs - seconds * 1000) * 1e6) };
  return RetryInfo.encode({ retryDelay }).finish();
}

function pack(name: string, value: Uint8Array): { typeUrl: string; value: Buffer } {
  return { typeUrl: `type.googleapis.com/google.rpc.${name}`, value: Buffer.from(value) };
}

/** Trailers of a failed call. Not to be changed. */
export function errorTrailers(error: ServiceError): OutgoingHttpHeaders {
  if (!error.recurs) return toTrailers(error);
  let trailers = trailersOfRecurring.get(error);
  if (trailers === undefined) trailersOfRecurring.set(error, (trailers = Object.freeze(toTrailers(error))));
  return trailers;
}

function toTrailers(error: ServiceError): OutgoingHttpHeaders {
  const trailers: OutgoingHttpHeaders = {
    "grpc-status": CODE_NUMBERS[error.code],
    "grpc-message": encodeURI(cut(error.message, MAX_MESSAGE_BYTES)),
    "grpc-status-details-bin": Buffer.from(encodeStatus(error)).toString("base64"),
  };
  if (error.retryAfterMs !== undefined) {
    // What gRPC clients with a retry policy wait before the next try; what Envoy and people read.
    trailers["grpc-retry-pushback-ms"] = String(Math.ceil(error.retryAfterMs));
    trailers["retry-after"] = String(Math.ceil(error.retryAfterMs / 1000));
  }
  return trailers;
}
