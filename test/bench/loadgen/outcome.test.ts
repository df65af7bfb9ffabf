// How an ending counts: a server that says at the deadline that it has passed has refused nobody.

import { expect, test } from "@jest/globals";
import * as fc from "fast-check";
import type { Call, Ending } from "../../../bench/loadgen/call.ts";
import { openGrpcTransport } from "../../../bench/loadgen/grpc-transport.ts";
import { outcomeOf } from "../../../bench/loadgen/records.ts";
import { ErrorInfo } from "../../../generated/google/rpc/error_details.ts";
import { Status } from "../../../generated/google/rpc/status.ts";
import { refuse, startH2Server } from "./support/h2-server.ts";

const expired: Ending = { status: "DEADLINE_EXCEEDED" };

test("DEADLINE_EXCEEDED counts as unanswered from a millisecond before the deadline on, and before as a refusal", () => {
  expect([80, 1.01, 1, 0, -5].map((remainingMs) => outcomeOf(expired, remainingMs))).toEqual([
    "refused",
    "refused",
    "unanswered",
    "unanswered",
    "unanswered",
  ]);
  expect(outcomeOf(expired, Infinity)).toBe("refused");
});

test("what was predicted is a refusal at any time, and so is any other status", () => {
  const endings = fc.constantFrom<Ending>({ ...expired, predicted: true }, { status: "RESOURCE_EXHAUSTED" }, { status: "HTTP 503" });
  fc.assert(
    fc.property(endings, fc.double({ min: -1000, max: 1000, noNaN: true }), (ending, remainingMs) => {
      expect(outcomeOf(ending, remainingMs)).toBe("refused");
    }),
  );
  expect(outcomeOf({ status: "OK" }, -1)).toBe("ok");
  expect([outcomeOf({ status: "LOST" }, 0), outcomeOf({ status: "RESET 8" }, 0)]).toEqual(["lost", "lost"]);
});

function detailsOf(metadata: Record<string, string>): string {
  const value = ErrorInfo.encode({ reason: "DEADLINE_EXCEEDED", domain: "d", metadata }).finish();
  const details = [{ typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value }];
  return Buffer.from(Status.encode({ code: 4, message: "", details }).finish()).toString("base64");
}

test("whether it was predicted is read from the details", async () => {
  const details = [detailsOf({ stage: "queue", predicted: "true" }), detailsOf({ stage: "queue" })];
  let seen = 0;
  const server = await startH2Server({}, (stream) =>
    refuse(stream, { "grpc-status": "4", "grpc-status-details-bin": details[seen++ % 2]! }),
  );
  const endings: Ending[] = [];
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const options = { host: "127.0.0.1", port: server.port, path: "/s/M", messages: [Buffer.from("x")], connections: 1 };
  const transport = await openGrpcTransport(
    { ...options, maxCallsPerConnection: 2 },
    {
      ended(_call, ending) {
        endings.push(ending);
        if (endings.length === 2) resolve();
      },
    },
  );
  for (let index = 0; index < 2; index++) {
    const call: Call = { index, classIndex: 0, dueMs: 0, deadlineAtMs: Infinity, done: false, handle: -1 };
    expect(transport.tryStart(call, performance.now())).toBe(true);
  }
  transport.flush();
  await done;
  transport.close();
  server.close();
  expect(endings.map(({ stage, predicted }) => ({ stage, predicted }))).toEqual([
    { stage: "queue", predicted: true },
    { stage: "queue", predicted: false },
  ]);
});
