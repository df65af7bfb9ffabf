// Servers that speak HTTP/1.1 only: bodies of both forms, statuses, lost connections, and no more calls than connections.

import { createServer } from "node:http";
import type { Server } from "node:http";
import { afterEach, expect, test } from "@jest/globals";

import { runSchedule } from "../../../bench/loadgen/run-schedule.ts";
import { makeSchedule } from "../../../bench/loadgen/schedule.ts";
import type { Schedule } from "../../../bench/loadgen/schedule.ts";
import type { InputSpec, Target } from "../../../bench/loadgen/target.ts";

const inputs: readonly InputSpec[] = [{ name: "x", datatype: "FP32", rowShape: [2] }];
let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

interface Request {
  readonly url: string;
  readonly body: string;
}

/** Starts a server that answers each call with the status it is told; 0 breaks the connection, -1 answers nothing. */
async function start(status: (nth: number) => number): Promise<{ readonly port: number; readonly requests: readonly Request[] }> {
  const requests: Request[] = [];
  const http = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      requests.push({ url: request.url ?? "", body: Buffer.concat(chunks).toString("utf8") });
      const code = status(requests.length);
      if (code === 0) request.socket.destroy();
      else if (code > 0) response.writeHead(code).end("{}");
    });
  });
  server = http;
  await new Promise<void>((resolve) => {
    http.listen(0, "127.0.0.1", resolve);
  });
  const address = http.address();
  if (address === null || typeof address === "string") throw new Error("A TCP server without a port. This is a bug.");
  return { port: address.port, requests };
}

function calls(deadlineMs: number): Schedule {
  return makeSchedule({
    seed: 1,
    arrivals: { kind: "even" },
    rate: 200,
    seconds: 0.2,
    warmupSeconds: 0,
    deadlinesMs: [{ value: deadlineMs, weight: 1 }],
    rows: [{ value: 2, weight: 1 }],
    models: [{ value: "m", weight: 1 }],
  });
}

test("the Open Inference Protocol's JSON, and every status by its number", async () => {
  const { port, requests } = await start((nth) => (nth % 3 === 0 ? 503 : 200));
  const target: Target = { protocol: "oip-http", host: "127.0.0.1", port, inputs };
  const result = await runSchedule(target, calls(10_000));
  const refused = Math.floor(result.offered / 3);
  expect(result.byStatus).toEqual({ OK: result.offered - refused, "HTTP 503": refused });
  expect(result).toMatchObject({ good: result.offered - refused, refused });
  expect(requests).toHaveLength(result.offered);
  expect(requests[0]?.url).toBe("/v2/models/m/infer");
  expect(JSON.parse(requests[0]?.body ?? "")).toEqual({
    inputs: [{ name: "x", shape: [2, 2], datatype: "FP32", data: [0, 1, 2, 3].map((i) => Math.fround(i / 251)) }],
  });
});

test("plain JSON to a path of its own; a broken connection counts as lost", async () => {
  const { port, requests } = await start((nth) => (nth === 2 ? 0 : 200));
  const target: Target = { protocol: "json-http", host: "127.0.0.1", port, inputs, path: "/v1/{model}:predict" };
  const result = await runSchedule(target, calls(10_000));
  expect(result).toMatchObject({ lost: 1, good: result.offered - 1 });
  expect(requests[0]?.url).toBe("/v1/m:predict");
  expect(JSON.parse(requests[0]?.body ?? "")).toEqual({
    x: [
      [0, Math.fround(1 / 251)],
      [Math.fround(2 / 251), Math.fround(3 / 251)],
    ],
  });
});

test("calls that are never answered are given up at their deadline and free their connection", async () => {
  const { port, requests } = await start(() => -1);
  const target: Target = { protocol: "json-http", host: "127.0.0.1", port, inputs };
  const result = await runSchedule(target, calls(50), { connections: 1 });
  expect(result.unanswered + result.unsent).toBe(result.offered);
  // Each waits for the connection until the one before gives up, and has the rest of its own time for itself.
  expect(result.unanswered).toBeGreaterThan(1);
  expect(result.generator.blockedCount).toBeGreaterThan(result.offered / 2);
  expect(requests.length).toBeLessThanOrEqual(result.unanswered);
  expect(result.valid).toBe(false);
});
