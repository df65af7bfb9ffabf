// grpcurl and the Open Inference Protocol: everything by reflection and JSON.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { inferRequest, inferResponse } from "./support/oip.ts";
import { runTool, type ToolResult } from "./support/run-tool.ts";
import { startServer, type RunningServer } from "./support/server.ts";
import { describeWith, findTool } from "./support/tools.ts";

const SERVICE = "inference.GRPCInferenceService";

function grpcurl(...args: string[]): Promise<ToolResult> {
  return runTool(findTool("grpcurl")!, ["-plaintext", "-max-time", "10", ...args]);
}

describeWith(["grpcurl"], "grpcurl", () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer();
  }, 60_000);
  afterAll(() => server?.stop(), 60_000);

  async function call(method: string, request: object): Promise<unknown> {
    const { code, stdout, stderr } = await grpcurl("-d", JSON.stringify(request), server.address, `${SERVICE}/${method}`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return JSON.parse(stdout);
  }

  test("list names the service and each of its methods", async () => {
    expect((await grpcurl(server.address, "list")).stdout.split("\n")).toContain(SERVICE);
    const { stdout } = await grpcurl(server.address, "list", SERVICE);
    expect(
      stdout
        .trim()
        .split("\n")
        .map((name) => name.slice(SERVICE.length + 1)),
    ).toEqual([
      "CudaSharedMemoryRegister",
      "CudaSharedMemoryStatus",
      "CudaSharedMemoryUnregister",
      "LogSettings",
      "ModelConfig",
      "ModelInfer",
      "ModelMetadata",
      "ModelReady",
      "ModelStatistics",
      "ModelStreamInfer",
      "RepositoryIndex",
      "RepositoryModelLoad",
      "RepositoryModelUnload",
      "ServerLive",
      "ServerMetadata",
      "ServerReady",
      "SystemSharedMemoryRegister",
      "SystemSharedMemoryStatus",
      "SystemSharedMemoryUnregister",
      "TraceSetting",
    ]);
  });

  test("describe resolves messages of both files", async () => {
    expect((await grpcurl(server.address, "describe", "inference.ModelInferRequest")).stdout).toContain(
      "repeated bytes raw_input_contents = 7",
    );
    expect((await grpcurl(server.address, "describe", "inference.ModelConfig")).stdout).toContain("int32 max_batch_size = 4");
  });

  test("the service is SERVING", async () => {
    const { stdout } = await grpcurl("-d", JSON.stringify({ service: SERVICE }), server.address, "grpc.health.v1.Health/Check");
    expect(JSON.parse(stdout)).toEqual({ status: "SERVING" });
  });

  test("ServerMetadata names the server", async () => {
    expect(await call("ServerMetadata", {})).toMatchObject({ name: "predictd", version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  });

  test("ModelInfer takes typed contents and answers with raw ones", async () => {
    expect(await call("ModelInfer", inferRequest("one"))).toEqual(inferResponse("one"));
  });

  test("a reserved parameter is refused with its reason", async () => {
    const request = { modelName: "simple", parameters: { triton_colour: { stringParam: "red" } } };
    const { code, stderr } = await grpcurl("-format-error", "-d", JSON.stringify(request), server.address, `${SERVICE}/ModelInfer`);
    expect(code).not.toBe(0);
    const error = JSON.parse(stderr.slice(stderr.indexOf("{")));
    expect(error).toMatchObject({ code: 3, message: expect.stringContaining("triton_colour") });
    const info = error.details.find((detail: { "@type": string }) => detail["@type"].endsWith("google.rpc.ErrorInfo"));
    expect(info).toMatchObject({ domain: "predictd", reason: expect.stringMatching(/^[A-Z_]+$/) });
  });
});
