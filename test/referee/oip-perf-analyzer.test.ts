// perf_analyzer, Triton's load tool: closed and open loops and streams, each for a few seconds, with the server's own split of the time.
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { runTool, type ToolResult } from "./support/run-tool.ts";
import { ROOT, startServer, type RunningServer } from "./support/server.ts";
import { describeWith, findTool } from "./support/tools.ts";

/** What the tool says about one level of load. */
interface Level {
  readonly clientRequests: number;
  readonly serverRequests: number;
  readonly rows: number;
  readonly runs: number;
  /** Parts of the server's time that it names. */
  readonly parts: readonly string[];
}

/** Three windows of half a second; how much they differ does not matter on a machine that is shared. */
const SHORT = "--measurement-interval 500 --max-trials 3 --stability-percentage 999".split(" ");

describeWith(["perf_analyzer"], "perf_analyzer", () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer();
  }, 60_000);
  afterAll(() => server?.stop(), 60_000);

  test.each([
    ["a closed loop", 2, ["-m", "simple", "--concurrency-range", "1:2"]],
    ["a closed loop of batches", 1, ["-m", "simple", "--concurrency-range", "4", "-b", "4"]],
    ["texts", 1, ["-m", "toxicity", "--concurrency-range", "2", "--string-data", "You are an idiot"]],
    ["an open loop", 1, ["-m", "simple", "--request-rate-range", "200", "--request-distribution", "poisson"]],
    ["streams", 2, ["-m", "simple", "--streaming", "--async", "--concurrency-range", "1:2"]],
    ["an open loop of streams", 1, ["-m", "simple", "--streaming", "--async", "--request-rate-range", "200"]],
  ])(
    "%s: no request fails, and the server says where the time went",
    async (_, count, args) => {
      expectMeasured(await runTool(findTool("perf_analyzer")!, words(server.address, ...args)), count);
    },
    60_000,
  );
});

describeWith(["perf_analyzer", "python-triton"], "model_analyzer's order of calls", () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer({ args: ["--model-control", "explicit"] });
  }, 60_000);
  afterAll(() => server?.stop(), 60_000);

  test("loads, measures and unloads a variant of a model", async () => {
    const program = join(ROOT, "test/referee/tritonclient/analyzer.py");
    const measure = [findTool("perf_analyzer")!, ...words(server.address, "-m", "simple", "--concurrency-range", "2")];
    const { code, stdout, stderr } = await runTool(findTool("python-triton")!, [program, server.address, ...measure]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ serverReady: true, modelReady: true, unloaded: true });
    expect(result.config).toMatchObject({
      max_batch_size: 4,
      instance_group: [{ count: 2, kind: "KIND_CPU" }],
      dynamic_batching: { max_queue_delay_microseconds: "100" },
    });
    expectMeasured(result.measured, 1);
  }, 60_000);
});

/** The tool's command line against a server. */
function words(address: string, ...args: string[]): string[] {
  return ["-i", "grpc", "-u", address, ...SHORT, ...args];
}

/** The tool went well: no request failed, at so many levels of load, and it got the server's split of the time. */
function expectMeasured({ code, stdout, stderr }: ToolResult, count: number): void {
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).not.toMatch(/fail|error/i);
  const measured = levels(stdout);
  expect(measured).toHaveLength(count);
  for (const level of measured) {
    expect(level.clientRequests).toBeGreaterThan(0);
    expect(level.serverRequests).toBeGreaterThan(0);
    expect(level.rows).toBeGreaterThanOrEqual(level.serverRequests);
    expect(level.runs).toBeLessThanOrEqual(level.serverRequests);
    expect(level.parts).toEqual(["overhead", "queue", "compute input", "compute infer", "compute output"]);
  }
}

/** Reads the report: a client's and a server's section for each level of load. */
function levels(report: string): Level[] {
  const sections = report.split(/^Request (?:concurrency: \d+|Rate: \d+ inference requests per second)$/m).slice(1);
  return sections.map((section) => {
    const number = (label: string): number => Number(new RegExp(`${label}: (\\d+)`).exec(section)?.[1]);
    const split = /Avg request latency: \d+ usec \(([^)]*)\)/.exec(section)?.[1] ?? "";
    return {
      clientRequests: number("Request count"),
      serverRequests: number("Successful request count"),
      rows: number("Inference count"),
      runs: number("Execution count"),
      parts: split.split(" + ").map((part) => part.replace(/ \d+ usec$/, "")),
    };
  });
}
