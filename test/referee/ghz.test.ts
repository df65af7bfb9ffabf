// ghz: every scenario of bench/ghz for 10 s. Nothing may fail, and the server must have counted what ghz counted.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { statistics } from "./support/client.ts";
import { runTool } from "./support/run-tool.ts";
import { ROOT, startServer, type RunningServer } from "./support/server.ts";
import { describeWith, findTool } from "./support/tools.ts";

const folder = join(ROOT, "bench/ghz");
const scenarios = readdirSync(folder).filter((name) => name.endsWith(".json"));

describeWith(["ghz"], "ghz", () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer();
  }, 60_000);
  afterAll(() => server?.stop(), 60_000);

  test.each(scenarios)(
    "%s ends with OK for every call",
    async (file) => {
      const path = join(folder, file);
      const { model, version, perCall } = asked(JSON.parse(readFileSync(path, "utf8")).data);
      const before = await statistics(server.address, model, version);

      const args = ["--config", path, "--duration", "10s", "--duration-stop", "wait", "--format", "json", server.address];
      const { code, stdout, stderr } = await runTool(findTool("ghz")!, args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const report = JSON.parse(stdout);

      expect(report.count).toBeGreaterThan(0);
      expect(report.statusCodeDistribution).toEqual({ OK: report.count });
      expect(Object.keys(report.errorDistribution)).toEqual([]);

      // Items of a stream fail in band, which ghz does not see: the server's counts must agree.
      const after = await statistics(server.address, model, version);
      expect(after.errorCount - before.errorCount).toBe(0n);
      if (perCall !== undefined) expect(after.okCount - before.okCount).toBe(BigInt(report.count * perCall));
    },
    60_000,
  );
});

/** The model that a scenario asks, and how many predictions one of its calls makes; undefined where chunks decide. */
function asked(data: object): { readonly model: string; readonly version: string; readonly perCall: number | undefined } {
  if (Array.isArray(data)) return { ...data[0].predict.request, perCall: data.length };
  if ("request" in data) return { ...(data.request as { model: string; version: string }), perCall: undefined };
  return { ...(data as { model: string; version: string }), perCall: 1 };
}
