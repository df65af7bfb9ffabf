// h2load: a short flood of unary calls. It counts HTTP 200 only, so the server's own count of OK answers must equal it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { PredictRequest } from "../../generated/predictd/v1/prediction.ts";
import { simpleRequest, statistics } from "./support/client.ts";
import { runTool } from "./support/run-tool.ts";
import { startServer, type RunningServer } from "./support/server.ts";
import { describeWith, findTool } from "./support/tools.ts";

/** Some seconds of work. A fixed number, not a duration: calls cut off at the end would be counted by the server alone. */
const CALLS = 40_000;

describeWith(["h2load"], "h2load", () => {
  const folder = mkdtempSync(join(tmpdir(), "predictd-h2load-"));
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer();
  }, 60_000);
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await server?.stop();
  }, 60_000);

  test("every call it counts is one the server answered with OK", async () => {
    const body = join(folder, "request.bin");
    writeFileSync(body, grpcFrame(PredictRequest.encode(simpleRequest()).finish()));
    const before = await statistics(server.address, "simple", "1");

    const load = `--requests ${CALLS} --clients 4 --max-concurrent-streams 16 --threads 1`.split(" ");
    const headers = ["--header", "content-type: application/grpc", "--header", "te: trailers"];
    const url = `http://${server.address}/predictd.v1.PredictionService/Predict`;
    const { code, stdout, stderr } = await runTool(findTool("h2load")!, [...load, ...headers, "--data", body, url]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`${CALLS} succeeded, 0 failed, 0 errored, 0 timeout`);

    const after = await statistics(server.address, "simple", "1");
    expect(after.okCount - before.okCount).toBe(BigInt(CALLS));
    expect(after.errorCount - before.errorCount).toBe(0n);
    expect(after.queuedRows).toBe(0n);
  }, 90_000);
});

/** A message with the five bytes that gRPC puts before it: not compressed, length. */
function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}
