// A JavaScript client made from the .proto files: what the examples of such clients ask, with typed contents.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { expectedOutputs } from "./support/oip.ts";
import { runTool } from "./support/run-tool.ts";
import { ROOT, startServer, type RunningServer } from "./support/server.ts";

const tensor = (name: string): object => ({ name, datatype: "INT32", shape: ["-1", "16"] });

describe("a JavaScript client", () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer();
  }, 60_000);
  afterAll(() => server?.stop(), 60_000);

  test("finds the server ready, reads metadata and infers", async () => {
    const client = join(ROOT, "test/referee/javascript-client.js");
    const { code, stdout, stderr } = await runTool(process.execPath, [client, server.address, join(ROOT, "proto")]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      live: { live: true },
      ready: { ready: true },
      metadata: {
        name: "simple",
        versions: ["1"],
        platform: "onnxruntime_onnx",
        inputs: [tensor("INPUT0"), tensor("INPUT1")],
        outputs: [tensor("OUTPUT0"), tensor("OUTPUT1")],
        properties: {},
      },
      infer: { id: "from JavaScript", model_name: "simple", model_version: "1", outputs: expectedOutputs(0, 1) },
      ids: Array.from({ length: 20 }, (_, i) => String(i)),
      refusal: { code: 5, details: "Request for unknown model: 'nobody' is not found" },
    });
  }, 60_000);
});
