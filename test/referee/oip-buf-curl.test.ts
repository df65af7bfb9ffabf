// buf curl and the Open Inference Protocol: everything by reflection and JSON, over gRPC and both directions of a stream.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { inferRequest, inferResponse } from "./support/oip.ts";
import { runTool, type ToolResult } from "./support/run-tool.ts";
import { ROOT, startServer, type RunningServer } from "./support/server.ts";

const SERVICE = "inference.GRPCInferenceService";

describe("buf curl", () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer();
  }, 60_000);
  afterAll(() => server?.stop(), 60_000);

  function bufCurl(path: string, ...args: string[]): Promise<ToolResult> {
    const words = ["curl", "--protocol", "grpc", "--http2-prior-knowledge", ...args, `http://${server.address}${path}`];
    return runTool(join(ROOT, "node_modules/.bin/buf"), words);
  }

  async function call(method: string, ...requests: object[]): Promise<unknown[]> {
    const data = requests.map((request) => JSON.stringify(request)).join("\n");
    const { code, stdout, stderr } = await bufCurl(`/${SERVICE}/${method}`, "--data", data);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return jsonTexts(stdout);
  }

  test("lists the service and its methods", async () => {
    expect((await bufCurl("", "--list-services")).stdout.split("\n")).toContain(SERVICE);
    const { stdout } = await bufCurl("", "--list-methods");
    expect(stdout.split("\n")).toEqual(expect.arrayContaining([`${SERVICE}/ModelInfer`, `${SERVICE}/ModelStreamInfer`]));
  });

  test("ServerMetadata names the server", async () => {
    expect(await call("ServerMetadata", {})).toMatchObject([{ name: "predictd", extensions: expect.arrayContaining(["statistics"]) }]);
  });

  test("ModelInfer answers", async () => {
    expect(await call("ModelInfer", inferRequest("one"))).toEqual([inferResponse("one")]);
  });

  test("ModelStreamInfer answers in order, an error in its place", async () => {
    const answers = await call("ModelStreamInfer", inferRequest("a"), inferRequest("b", "nobody"), inferRequest("c"));
    expect(answers).toMatchObject([
      { inferResponse: { ...inferResponse("a"), parameters: { triton_final_response: { boolParam: true } } } },
      { errorMessage: "Request for unknown model: 'nobody' is not found", inferResponse: { id: "b" } },
      { inferResponse: { ...inferResponse("c"), parameters: { triton_final_response: { boolParam: true } } } },
    ]);
  });

  test("shows a refusal with its details", async () => {
    const { code, stderr } = await bufCurl(`/${SERVICE}/ModelInfer`, "--data", JSON.stringify(inferRequest("x", "nobody")));
    expect(code).not.toBe(0);
    const error = JSON.parse(stderr.slice(stderr.indexOf("{")));
    expect(error).toMatchObject({ code: "not_found", message: "Request for unknown model: 'nobody' is not found" });
    expect(error.details.map(({ type }: { type: string }) => type)).toEqual(expect.arrayContaining(["google.rpc.ErrorInfo"]));
  });
});

/** The JSON texts of an output that has one after the other, each starting with a brace in the first column. */
function jsonTexts(output: string): unknown[] {
  return output
    .split(/^(?=\{)/m)
    .filter((text) => text.trim() !== "")
    .map((text) => JSON.parse(text));
}
