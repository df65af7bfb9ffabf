// KServe's SDK client for gRPC, as its users have it: everything it can ask, with raw and with typed contents.
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { expectedOutputs } from "./support/oip.ts";
import { runTool } from "./support/run-tool.ts";
import { ROOT, startServer, type RunningServer } from "./support/server.ts";
import { describeWith, findTool } from "./support/tools.ts";

describeWith(["python-kserve"], "KServe's client", () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer();
  }, 60_000);
  afterAll(() => server?.stop(), 60_000);

  test("finds server and model ready and infers", async () => {
    const { code, stdout, stderr } = await runTool(findTool("python-kserve")!, [
      join(ROOT, "test/referee/kserve-client.py"),
      server.address,
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const result = JSON.parse(stdout);

    expect(result).toMatchObject({ ready: true, live: true, modelReady: true, unknownReady: false });
    const simple = { model: "simple", version: "1", id: "from KServe", outputs: expectedOutputs(0, 2) };
    expect(result.raw).toEqual(simple);
    expect(result.typed).toEqual(simple);
    expect(result.text).toMatchObject({ model: "toxicity", version: "1", outputs: { label: ["toxic", "ok"] } });
    expect(result.refusal).toEqual({ code: "NOT_FOUND", message: "Request for unknown model: 'nobody' is not found" });
  }, 60_000);
});
