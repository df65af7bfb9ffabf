// Failures on the wire: what recurs is encoded once, and still says what it has to say.

import { describe, expect, test } from "@jest/globals";
import { RetryInfo } from "../../../generated/google/rpc/error_details.ts";
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
