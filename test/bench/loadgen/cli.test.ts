// The generator's command line against a real server: what it counts is what the server counted, and pages come of it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { fromJson } from "../../../bench/loadgen/infinite-json.ts";
import type { LoadgenResult } from "../../../bench/loadgen/result.ts";
import { okCount, waitServing } from "../../../bench/lib/control.ts";
import { freePort, startProcess } from "../../../bench/lib/processes.ts";
import type { ServerProcess } from "../../../bench/lib/processes.ts";

const repoDir = fileURLToPath(new URL("../../..", import.meta.url));
const tempDir = mkdtempSync(join(tmpdir(), "predictd-loadgen-test-"));
// A machine that is busy with other tests makes the generator late, and slow answers are answers too.
const unlimited = ["--max-lateness", "100000", "--max-cpu", "100"];
const short = ["--rate", "400", "--seconds", "0.4", "--warmup", "0.1", "--grace", "20000", ...unlimited];
let server: ServerProcess;

beforeAll(async () => {
  const port = await freePort();
  const command = [process.execPath, "bin/predictd.js", "serve", "models", "--host", "127.0.0.1", "--grpc-port", String(port)];
  server = startProcess(command, { port, core: undefined, logFile: join(tempDir, "log"), cwd: repoDir });
  await waitServing(server);
});

afterAll(async () => {
  await server.stop();
  rmSync(tempDir, { recursive: true });
});

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function program(...args: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, args, { cwd: repoDir });
  const out = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (out.stderr += text));
  await once(child, "close");
  return { code: child.exitCode, ...out };
}

const cli = (...args: readonly string[]): Promise<Ran> => program("bench/loadgen/cli.ts", ...args);

function readResult(file: string): LoadgenResult {
  // Written by the command under test; the assertions look at what they need.
  return fromJson(readFileSync(file, "utf8")) as LoadgenResult;
}

const target = (): readonly string[] => ["--target", `127.0.0.1:${server.port}`];

test("a run counts what the server counted; its result becomes a page", async () => {
  const file = join(tempDir, "result.json");
  const before = await okCount(server.port, "fraud");
  const { code, stdout, stderr } = await cli("run", ...target(), "--model", "fraud", ...short, "--out", file);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const result = readResult(file);
  expect(result.offered).toBeGreaterThan(100);
  expect(result).toMatchObject({ good: result.offered, byStatus: { OK: result.offered }, goodput: 1, meanBatch: expect.any(Number) });
  // The server also counted those of the warm-up.
  expect((await okCount(server.port, "fraud")) - before).toBeGreaterThanOrEqual(result.offered);
  expect(stdout).toContain("goodput     1.0000");

  const page = join(tempDir, "page.html");
  expect((await cli("page", "--out", page, file)).code).toBe(0);
  expect(readFileSync(page, "utf8")).toContain("poisson 400/s");
});

test("hopeless deadlines: none is answered, and why stands by reason and stage", async () => {
  const file = join(tempDir, "hopeless.json");
  const { code } = await cli("run", ...target(), "--model", "fraud", ...short, "--deadlines", "0.02", "--no-cancel", "--out", file);
  const result = readResult(file);
  expect({ code, status: Object.keys(result.byStatus) }).toEqual({ code: 0, status: ["DEADLINE_EXCEEDED"] });
  expect(Object.keys(result.byReason)).toContainEqual(expect.stringMatching(/^DEADLINE_EXCEEDED DEADLINE_EXCEEDED \w+$/));
  // Those whose deadline had passed before the server could predict anything have waited in vain.
  expect(result.refused + result.unanswered).toBe(result.offered);
});

test("a schedule from a file is played as it is", async () => {
  const [schedule, first, second] = ["schedule", "first", "second"].map((name) => join(tempDir, `${name}.json`));
  await cli("schedule", "--model", "fraud:0.7,digits:0.3", ...short, "--arrivals", "steps:0.5x0.2,1.5x0.2", "--out", schedule!);
  await cli("run", ...target(), "--schedule", schedule!, ...short, "--out", first!);
  await cli("run", ...target(), "--schedule", schedule!, ...short, "--seed", "9", "--out", second!);
  const [a, b] = [readResult(first!), readResult(second!)];
  expect(a.byClass.map(({ model }) => model)).toEqual(["fraud", "digits"]);
  expect(b.schedule).toEqual(a.schedule);
  expect(b.offered).toBe(a.offered);
  expect(a.good).toBe(a.offered);
});

test("a run whose generator may not be late at all is rejected with exit code 2", async () => {
  const { code, stdout } = await cli("run", ...target(), "--model", "fraud", ...short, "--max-lateness", "0.000001");
  expect({ code, stdout }).toEqual({ code: 2, stdout: expect.stringContaining("REJECTED    the generator was late") });
});

test("saturate finds a rate", async () => {
  const { code, stdout } = await cli("saturate", ...target(), "--model", "fraud", "--seconds", "0.3");
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^[\d,]+ rows\/s/) });
});

test("what is missing is said, with the usage", async () => {
  const { code, stderr } = await cli("run", ...target(), "--rate", "5");
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/--model is missing[\s\S]*Usage:/) });
  expect((await cli()).code).toBe(1);
});

test.each([
  ["saturate", "--seconds", "0.1"],
  ["run", ...short],
])("%s: a wrong model and a server that is not there are told in one line", async (command, ...flags) => {
  const unknown = await cli(command, ...target(), "--model", "nope", ...flags);
  expect(unknown).toMatchObject({ code: 1, stderr: expect.stringMatching(/^oip-grpc 127\.0\.0\.1:\d+: NOT_FOUND: .*nope.*\n$/) });
  const nobody = ["--target", `127.0.0.1:${await freePort()}`];
  const gone = await cli(command, ...nobody, "--model", "fraud", ...flags);
  expect(gone).toMatchObject({ code: 1, stderr: expect.stringMatching(/^oip-grpc \S+: .*ECONNREFUSED.*\n$/) });
  const unasked = await cli(command, ...nobody, "--model", "fraud", "--input", "x:FP32:4", ...flags);
  expect(unasked).toMatchObject({ code: 1, stderr: expect.stringMatching(/^oip-grpc \S+: .*ECONNREFUSED.*\n$/) });
  const http = await cli(command, ...nobody, "--protocol", "oip-http", "--model", "fraud", ...flags);
  expect(http).toMatchObject({ code: 1, stderr: expect.stringMatching(/^oip-http \S+: .*ECONNREFUSED.*\n$/) });
});

test("classes that differ in their lengths are told apart", async () => {
  const mix = ["--rows", "1:0.5,2:0.5", "--lengths", "20:0.5,21:0.5"];
  const { stdout } = await cli("run", ...target(), "--model", "fraud", "--input", "features:FP32:L", ...short, ...mix);
  const classes = stdout.split("\n").filter((line) => line.startsWith("  class"));
  expect(classes.map((line) => line.replace(/:.*/, ""))).toEqual(
    ["1 rows, length 20", "1 rows, length 21", "2 rows, length 20", "2 rows, length 21"].map(
      (of) => `  class       fraud, ${of}, no deadline`,
    ),
  );
});

test("the bench's models are written by a command", async () => {
  const folder = join(tempDir, "models");
  const { code, stdout } = await program("bench/write-models.ts", folder, "image");
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${join(folder, "image/1/model.onnx")}\n` });
  expect(readFileSync(join(folder, "image/1/model.onnx")).byteLength).toBeGreaterThan(100);
  const unknown = await program("bench/write-models.ts", folder, "imgae");
  expect(unknown).toEqual({ code: 1, stdout: "", stderr: expect.stringMatching(/^imgae is unknown.*mlp-25m.*image/) });
  expect(await program("bench/write-models.ts")).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Usage: /) });
});
