// Envoy with the committed configuration in front of a real server: routing, health, retries, and errors that arrive unchanged.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, credentials, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { ErrorInfo } from "../../generated/google/rpc/error_details.ts";
import { Status } from "../../generated/google/rpc/status.ts";
import type { PredictResponse } from "../../generated/predictd/v1/prediction.ts";
import { int32Values, predict, simpleInput, simpleRequest, type Refusal } from "./support/client.ts";
import { ENVOY_CONFIG, startEnvoy, type RunningEnvoy } from "./support/envoy.ts";
import { runTool } from "./support/run-tool.ts";
import { ROOT, startServer, type RunningServer } from "./support/server.ts";
import { describeWith, findTool } from "./support/tools.ts";

const asIs = (bytes: Buffer): Buffer => bytes;

function reasonOf(refusal: Refusal): string | undefined {
  const { details } = Status.decode(Buffer.from(refusal.details, "base64"));
  const info = details.find(({ typeUrl }) => typeUrl.endsWith("google.rpc.ErrorInfo"));
  return info && ErrorInfo.decode(info.value).reason;
}

describeWith(["envoy"], "envoy", () => {
  const models = mkdtempSync(join(tmpdir(), "predictd-models-"));
  let server: RunningServer;
  let envoy: RunningEnvoy;
  beforeAll(async () => {
    cpSync(join(ROOT, "models/simple"), join(models, "simple"), { recursive: true });
    // A model that never becomes ready, so that its refusal is one that Envoy may retry.
    writeFileSync(join(models, "broken.onnx"), "this is no model");
    server = await startServer({ modelDir: models });
    envoy = await startEnvoy(server.port);
  }, 90_000);
  afterAll(async () => {
    await envoy?.stop();
    await server?.stop();
    rmSync(models, { recursive: true });
  }, 60_000);

  async function counter(name: string): Promise<number> {
    const { body } = await envoy.admin(`/stats?filter=^${name.replaceAll(".", "\\.")}$`);
    return Number(body.split(": ")[1]);
  }

  test("finds no fault with the committed configuration", async () => {
    const { code, stdout, stderr } = await runTool(findTool("envoy")!, [
      "--mode",
      "validate",
      "--log-level",
      "warning",
      "-c",
      ENVOY_CONFIG,
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("OK");
  }, 30_000);

  test("is ready and sees the server as healthy by its gRPC health", async () => {
    expect(await envoy.admin("/ready")).toMatchObject({ status: 200, body: "LIVE\n" });
    expect(await counter("cluster.predictd.membership_healthy")).toBe(1);
    expect(await counter("cluster.predictd.health_check.success")).toBeGreaterThan(0);
    expect(await counter("cluster.predictd.health_check.failure")).toBe(0);
  });

  test("routes a prediction", async () => {
    const response = (await predict(envoy.address, simpleRequest())) as PredictResponse;
    expect(response).toMatchObject({ model: "simple", version: "1" });
    expect(int32Values(response, "OUTPUT0")).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
    expect(int32Values(response, "OUTPUT1")).toEqual(Array.from({ length: 16 }, (_, i) => i - 1));
  });

  test("passes INVALID_ARGUMENT and its details on unchanged, without a retry", async () => {
    const request = { ...simpleRequest(), inputs: [simpleInput("INPUT0", [1, 2, 3])] };
    const direct = (await predict(server.address, request)) as Refusal;
    expect(direct.code).toBe(3);
    expect(reasonOf(direct)).toMatch(/^INPUT_/);
    const retriesBefore = await counter("cluster.predictd.upstream_rq_retry");
    expect(await predict(envoy.address, request)).toEqual(direct);
    expect(await counter("cluster.predictd.upstream_rq_retry")).toBe(retriesBefore);
  });

  test("retries a retriable refusal once and passes the last one on unchanged", async () => {
    const request = { ...simpleRequest(), model: "broken" };
    const direct = (await predict(server.address, request)) as Refusal;
    expect(direct.code).toBe(14);
    expect(reasonOf(direct)).toBe("MODEL_NOT_READY");
    const retriesBefore = await counter("cluster.predictd.upstream_rq_retry");
    expect(await predict(envoy.address, request)).toEqual(direct);
    expect(await counter("cluster.predictd.upstream_rq_retry")).toBe(retriesBefore + 1);
  });

  test("answers a method of nobody's with UNIMPLEMENTED and asks no server", async () => {
    const before = await counter("cluster.predictd.upstream_rq_total");
    const client = new Client(envoy.address, credentials.createInsecure());
    const code = await new Promise((resolve) => {
      client.makeUnaryRequest("/nobody.Service/Call", asIs, asIs, Buffer.alloc(0), (error) => resolve(error?.code));
    });
    client.close();
    expect(code).toBe(status.UNIMPLEMENTED);
    expect(await counter("cluster.predictd.upstream_rq_total")).toBe(before);
  });
});
