// Failures on the wire: what recurs is encoded once, and still says what it has to say.

import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { BadRequest, ErrorInfo, RetryInfo } from "../../../generated/google/rpc/error_details.ts";
import { Status } from "../../../generated/google/rpc/status.ts";
import { tooBusy } from "../../../src/engine/scheduler/refusals.ts";
import { ServiceError } from "../../../src/errors.ts";
import { encodeStatus, errorTrailers } from "../../../src/transport/grpc/status.ts";

describe("a refusal that recurs", () => {
  test("is one object for one advice, encoded once", () => {
    expect(tooBusy(3)).toBe(tooBusy(2.5));
    expect(encodeStatus(tooBusy(3))).toBe(encodeStatus(tooBusy(3)));
    expect(errorTrailers(tooBusy(3))).toBe(errorTrailers(tooBusy(3)));
  });

  test.each([
    [0, 1],
    [3.2, 4],
    [100, 100],
    [101, 150],
    [1e9, 60_000],
    [Infinity, 60_000],
  ])("a wait of %d ms advises %d ms, in every form", (waitMs, adviceMs) => {
    expect(errorTrailers(tooBusy(waitMs))["grpc-retry-pushback-ms"]).toBe(String(adviceMs));
    const retry = Status.decode(encodeStatus(tooBusy(waitMs))).details.find(({ typeUrl }) => typeUrl.endsWith("RetryInfo"))!;
    expect(RetryInfo.decode(retry.value).retryDelay).toEqual({
      seconds: BigInt(Math.floor(adviceMs / 1000)),
      nanos: (adviceMs % 1000) * 1e6,
    });
  });
});

test("other failures are encoded anew", () => {
  const error = new ServiceError("QUEUE_FULL", "full", { retryAfterMs: 7 });
  expect(encodeStatus(error)).not.toBe(encodeStatus(error));
  expect(errorTrailers(error)).not.toBe(errorTrailers(error));
  expect(errorTrailers(error)).toEqual(errorTrailers(error));
});

describe("the size on the wire", () => {
  /** Texts of characters of one to four bytes, and of halves of pairs. */
  const text = fc
    .tuple(fc.constantFrom("x", "\u00e9", "\u20ac", "\u{1f600}", "\ud800"), fc.nat(1500), fc.string({ unit: "binary", maxLength: 20 }))
    .map(([unit, count, end]) => unit.repeat(count) + end);
  const failure = fc
    .record({
      message: text,
      metadata: fc.dictionary(fc.string({ minLength: 1, maxLength: 64 }), text, { maxKeys: 8, noNullPrototype: true }),
      violations: fc.array(fc.record({ field: text, description: text }), { maxLength: 30 }),
      resource: fc.record({ type: text, name: text }),
      quota: fc.record({ subject: text, description: text }),
      reason: fc.constantFrom("INPUT_MISSING", "QUEUE_FULL", "MODEL_NOT_READY"),
    })
    .map(({ message, reason, ...options }) => new ServiceError(reason, message, { ...options, retryAfterMs: 7.5 }));

  test("stays below what peers take, whatever the texts are", () => {
    fc.assert(
      fc.property(failure, (error) => {
        expect(encodeStatus(error).byteLength).toBeLessThan(4500);
        const trailers = errorTrailers(error);
        expect(String(trailers["grpc-status-details-bin"]).length).toBeLessThan(6000);
        expect(Buffer.byteLength(String(trailers["grpc-message"]))).toBeLessThanOrEqual(1200);
        const { message } = Status.decode(encodeStatus(error));
        expect(decodeURI(String(trailers["grpc-message"]))).toBe(message);
        const whole = error.message.toWellFormed();
        expect(message === whole || (message.endsWith("\u2026") && whole.startsWith(message.slice(0, -1)))).toBe(true);
      }),
    );
  });

  test("many small entries are counted with what they are wrapped in", () => {
    const metadata = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, "v"]));
    expect(encodeStatus(new ServiceError("QUEUE_FULL", "full", { metadata })).byteLength).toBeLessThan(1000);
  });

  test("what fits stays whole; the first violation is always there", () => {
    const long = { field: "\u20ac".repeat(300), description: "\u20ac".repeat(300) };
    const error = new ServiceError("INPUT_MISSING", "m".repeat(400), {
      violations: Array.from({ length: 8 }, () => long),
      metadata: { stage: "admit", predicted: "true" },
    });
    const { message, details } = Status.decode(encodeStatus(error));
    expect(message).toBe("m".repeat(400));
    expect(ErrorInfo.decode(details[0]!.value).metadata).toEqual({ stage: "admit", predicted: "true" });
    const { fieldViolations } = BadRequest.decode(details[1]!.value);
    expect(fieldViolations).toHaveLength(3);
    expect(fieldViolations[0]?.field).toBe(`${"\u20ac".repeat(65)}\u2026`);
  });
});
