// The load generators count what a server counts, and every answer exactly once.

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { grpcStatusOf } from "../../bench/clients/hpack-status.ts";
import type { LoadResult, LoadSpec } from "../../bench/clients/load-spec.ts";
import { createSamples } from "../../bench/clients/samples.ts";
import { okCount, waitListening } from "../../bench/lib/control.ts";
import { freePort, runProgram, startProcess } from "../../bench/lib/processes.ts";
import type { ServerProcess } from "../../bench/lib/processes.ts";
import { encodeRequest, encodeSessionRequest, floatRequest, fraudRequest } from "../../bench/lib/requests.ts";

const repoDir = fileURLToPath(new URL("../..", import.meta.url));
const tempDir = mkdtempSync(join(tmpdir(), "predictd-bench-test-"));
const requestFile = join(tempDir, "request");
const short = { connections: 2, inFlight: 8, warmupSeconds: 0, seconds: 0.2 };
let server: ServerProcess;

beforeAll(async () => {
  const port = await freePort();
  const command = [process.execPath, "bench/servers/stock-echo.ts", String(port), "110"];
  server = startProcess(command, { port, core: undefined, logFile: join(tempDir, "log"), cwd: repoDir });
  await waitListening(server);
});

afterAll(async () => {
  await server.stop();
  rmSync(tempDir, { recursive: true });
});

async function load(spec: Omit<LoadSpec, "port" | "requestFile">, request: Buffer): Promise<LoadResult & { readonly served: number }> {
  writeFileSync(requestFile, request);
  const before = await okCount(server.port, "fraud");
  const argument = JSON.stringify({ ...spec, port: server.port, requestFile } satisfies LoadSpec);
  const command = [process.execPath, "bench/clients/load.ts", argument];
  // Printed by our own load.ts.
  const result = JSON.parse(await runProgram(command, { core: undefined, cwd: repoDir, timeoutMs: 20_000 })) as LoadResult;
  return { ...result, served: (await okCount(server.port, "fraud")) - before };
}

test("closed loop: small calls", async () => {
  const result = await load({ ...short, kind: "closed" }, encodeRequest(fraudRequest()));
  expect(result.okTotal).toBeGreaterThan(0);
  expect(result).toMatchObject({ served: result.okTotal, failures: {}, answerBytes: 110 });
});

test("closed loop: calls larger than a receive window", async () => {
  const result = await load({ ...short, kind: "closed", inFlight: 3 }, encodeRequest(floatRequest("image", "pixels", [224, 224, 3])));
  expect(result.okTotal).toBeGreaterThan(0);
  expect(result).toMatchObject({ served: result.okTotal, failures: {} });
});

test("open loop: every scheduled arrival is answered", async () => {
  const result = await load({ ...short, kind: "open", inFlight: 100, rate: 500 }, encodeRequest(fraudRequest()));
  expect(result).toMatchObject({ served: result.okTotal, failures: {} });
  expect(result.lateness?.count).toBe(result.okTotal);
});

test("session: one message or several per frame", async () => {
  const message = encodeSessionRequest(fraudRequest());
  const single = await load({ ...short, kind: "session", streams: 2, inFlight: 32 }, message);
  const packed = await load({ ...short, kind: "session", streams: 2, inFlight: 32, messagesPerFrame: 8 }, message);
  expect(single.okTotal).toBeGreaterThan(0);
  expect(single).toMatchObject({ served: single.okTotal, failures: {} });
  expect(packed).toMatchObject({ served: packed.okTotal, failures: {} });
});

test("the gRPC status is found behind any other header", () => {
  const huffmanName = Buffer.from("9acac8b21234da8f", "hex");
  const plain = Buffer.concat([Buffer.from([0x88, 0x00, 11]), Buffer.from("grpc-status"), Buffer.from([2]), Buffer.from("14")]);
  const huffman = Buffer.concat([Buffer.from([0x20, 0x0f, 0x10, 1, 0x78, 0x00, 0x80 | 8]), huffmanName, Buffer.from([1, 0x30])]);
  expect(grpcStatusOf(plain)).toBe(14);
  expect(grpcStatusOf(huffman)).toBe(0);
  expect(grpcStatusOf(Buffer.from([0x88]))).toBeUndefined();
});

test("percentiles", () => {
  const samples = createSamples();
  for (let value = 1000; value >= 1; value--) samples.add(value);
  expect(samples.percentiles()).toEqual({ count: 1000, mean: 500.5, p50: 501, p90: 901, p99: 991, p999: 1000, max: 1000 });
});
