// grpcurl: reflection, health and the README's own lines, as a newcomer types them.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { runTool, type ToolResult } from "./support/run-tool.ts";
import { ROOT, startServer, type RunningServer } from "./support/server.ts";
import { describeWith, findTool } from "./support/tools.ts";

const PREDICT = "predictd.v1.PredictionService/Predict";

function grpcurl(...args: string[]): Promise<ToolResult> {
  return runTool(findTool("grpcurl")!, ["-plaintext", "-max-time", "10", ...args]);
}

describeWith(["grpcurl"], "grpcurl", () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer();
  }, 60_000);
  afterAll(() => server?.stop(), 60_000);

  // It asks reflection v1 first; v1alpha is what the test with Python's grpcio goes by.
  test("list names every service", async () => {
    const { code, stdout, stderr } = await grpcurl(server.address, "list");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const services = stdout.trim().split("\n");
    expect(services).toEqual(
      expect.arrayContaining([
        "grpc.health.v1.Health",
        "inference.GRPCInferenceService",
        "predictd.v1.ModelService",
        "predictd.v1.PredictionService",
      ]),
    );
    // Nothing else but, where the library names it, reflection itself.
    expect(services.filter((name) => !name.startsWith("grpc.reflection."))).toHaveLength(4);
  });

  test("describe shows a service, a method and messages of three files", async () => {
    const service = await grpcurl(server.address, "describe", "predictd.v1.PredictionService");
    expect(service.stdout).toContain("rpc PredictSession ( stream .predictd.v1.PredictSessionRequest )");
    const method = await grpcurl(server.address, "describe", "predictd.v1.PredictionService.Predict");
    expect(method.stdout).toContain("rpc Predict ( .predictd.v1.PredictRequest ) returns ( .predictd.v1.PredictResponse );");
    const tensor = await grpcurl(server.address, "describe", "predictd.v1.Tensor");
    expect(tensor.stdout).toContain("repeated int64 shape = 3");
    const status = await grpcurl(server.address, "describe", "google.rpc.Status");
    expect(status.stdout).toContain("repeated .google.protobuf.Any details = 3");
    const health = await grpcurl(server.address, "describe", "grpc.health.v1.Health");
    expect(health.stdout).toContain("rpc Check ");
  });

  test.each(["", "predictd.v1.PredictionService", "predictd.v1.ModelService", "simple", "fraud", "digits", "toxicity"])(
    "health of '%s' is SERVING",
    async (service) => {
      const { stdout, stderr } = await grpcurl("-d", JSON.stringify({ service }), server.address, "grpc.health.v1.Health/Check");
      expect(stderr).toBe("");
      expect(JSON.parse(stdout)).toEqual({ status: "SERVING" });
    },
  );

  test("health of an unknown service is NOT_FOUND", async () => {
    const { code, stderr } = await grpcurl("-d", '{"service":"nobody"}', server.address, "grpc.health.v1.Health/Check");
    expect(stderr).toContain("Code: NotFound");
    expect(code).not.toBe(0);
  });

  test("the health list has one entry for every model and service", async () => {
    const { stdout } = await grpcurl(server.address, "grpc.health.v1.Health/List");
    const names = Object.keys(JSON.parse(stdout).statuses);
    expect(names).toEqual(expect.arrayContaining(["", "simple", "fraud", "digits", "toxicity", "predictd.v1.PredictionService"]));
  });

  test("predicts a text", async () => {
    const request = {
      model: "toxicity",
      inputs: [{ name: "text", dataType: "DATA_TYPE_STRING", shape: [1], strings: ["You are an idiot"] }],
    };
    const { code, stdout, stderr } = await grpcurl("-d", JSON.stringify(request), server.address, PREDICT);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const answer = JSON.parse(stdout);
    expect(answer).toMatchObject({ model: "toxicity", version: "1", batchRows: 1 });
    expect(answer.outputs[0]).toEqual({ name: "label", dataType: "DATA_TYPE_STRING", shape: ["1"], strings: ["toxic"] });
    expect(Buffer.from(answer.outputs[1].raw, "base64").readFloatLE(0)).toBeCloseTo(0.9148, 3);
    expect(Number(answer.timings.totalUs)).toBeGreaterThan(0);
  });

  test("shows an error with its reason and the field", async () => {
    const request = { model: "simple", inputs: [{ name: "INPUT0", dataType: "DATA_TYPE_FP32", shape: [1, 16], raw: "" }] };
    const { code, stderr } = await grpcurl("-format-error", "-d", JSON.stringify(request), server.address, PREDICT);
    expect(code).not.toBe(0);
    const error = JSON.parse(stderr.slice(stderr.indexOf("{")));
    expect(error.code).toBe(3);
    const info = error.details.find((detail: { "@type": string }) => detail["@type"].endsWith("google.rpc.ErrorInfo"));
    expect(info).toMatchObject({ domain: "predictd", reason: expect.stringMatching(/^INPUT_/) });
    const bad = error.details.find((detail: { "@type": string }) => detail["@type"].endsWith("google.rpc.BadRequest"));
    expect(bad.fieldViolations[0].field).toContain("inputs");
    expect(stderr).not.toMatch(/\/src\/|\.ts\b|node_modules|\n\s+at /);
  });

  test("every grpcurl line of the README works as it stands", async () => {
    const readme = join(ROOT, "README.md");
    const lines = existsSync(readme) ? grpcurlLines(readFileSync(readme, "utf8")) : [];
    expect(lines).not.toHaveLength(0);
    for (const line of lines) {
      const moved = line.replaceAll(/(localhost|127\.0\.0\.1):8001/g, server.address);
      const { code, stderr } = await runTool("bash", ["-c", moved], { env: process.env });
      expect({ line, code, stderr }).toEqual({ line, code: 0, stderr: "" });
    }
  });
});

/** Lines of the README's code blocks that start with grpcurl, continuation lines joined; a leading `$ ` is the prompt. */
function grpcurlLines(markdown: string): string[] {
  return markdown
    .replaceAll("\\\n", " ")
    .split("\n")
    .map((line) => line.replace(/^\$ /, ""))
    .filter((line) => /^grpcurl\s/.test(line));
}
