// A Go client generated from the .proto files: what the examples of such clients ask, with raw contents.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { expectedOutputs } from "./support/oip.ts";
import { runTool } from "./support/run-tool.ts";
import { startServer, type RunningServer } from "./support/server.ts";
import { describeWith, findTool } from "./support/tools.ts";

describeWith(["oip-go-client"], "a generated Go client", () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer();
  }, 60_000);
  afterAll(() => server?.stop(), 60_000);

  test("finds the server ready, reads metadata and infers", async () => {
    const { code, stdout, stderr } = await runTool(findTool("oip-go-client")!, [server.address]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      live: true,
      ready: true,
      platform: "onnxruntime_onnx",
      versions: ["1"],
      shapes: { INPUT0: [-1, 16], INPUT1: [-1, 16], OUTPUT0: [-1, 16], OUTPUT1: [-1, 16] },
      id: "from Go",
      model: "simple",
      version: "1",
      outputs: expectedOutputs(0, 2),
      streamed: Array.from({ length: 20 }, (_, i) => String(i)),
      refusal: { code: "NotFound", message: "Request for unknown model: 'nobody' is not found" },
    });
  }, 60_000);
});
