// A closed loop against a server that refuses some of the calls says how many, as what it answered is not its capacity.

import { expect, test } from "@jest/globals";
import { maxFailureShare } from "../../../bench/loadgen/capacity.ts";
import { saturate } from "../../../bench/loadgen/saturate.ts";
import { answer, refuse, startH2Server } from "./support/h2-server.ts";

test("failures are counted as a share of all calls", async () => {
  let seen = 0;
  const server = await startH2Server({}, (stream) => {
    if (seen++ % 4 === 0) refuse(stream, { "grpc-status": "8" });
    else answer(stream, new Uint8Array(), { "grpc-status": "0" });
  });
  try {
    const inputs = [{ name: "x", datatype: "FP32", rowShape: [1] }];
    const target = { protocol: "oip-grpc", host: "127.0.0.1", port: server.port, inputs } as const;
    const { failures, failureShare } = await saturate(target, { model: "m", inFlight: 4, seconds: 0.2, warmupSeconds: 0 });
    expect(failures).toEqual({ RESOURCE_EXHAUSTED: expect.any(Number) });
    expect(failureShare).toBeCloseTo(0.25, 1);
    expect(failureShare).toBeGreaterThan(maxFailureShare);
  } finally {
    server.close();
  }
});
