// `predictd serve` with the bundled models, asked by `predictd predict`, from start to exit code.

import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { CliRun, RunningCli } from "./support/run-cli.ts";
import { ROOT, runCli, startCli } from "./support/run-cli.ts";

/** Starts a server on a free port and waits for its last line, the command to try. */
async function serve(dir: string, env: NodeJS.ProcessEnv = {}): Promise<{ running: RunningCli; printed: string; address: string }> {
  const running = startCli(["serve", dir, "--host", "127.0.0.1", "--grpc-port", "0", "--log-format", "json"], env);
  let printed = "";
  for await (const line of createInterface(running.stdout)) {
    printed += `${line}\n`;
    if (line.startsWith("try: ")) break;
  }
  return { running, printed, address: /127\.0\.0\.1:\d+/.exec(printed)![0] };
}

describe("the bundled models", () => {
  let server: Awaited<ReturnType<typeof serve>>;
  const ask = (...args: readonly string[]): Promise<CliRun> => runCli(args, { PREDICTD_ADDRESS: server.address });

  beforeAll(async () => {
    server = await serve("models", { PREDICTD_ADDRESS: "the server does not take this for a setting" });
  }, 30_000);

  afterAll(async () => {
    server.running.kill("SIGTERM");
    expect(await server.running.ended).toMatchObject({ code: 0 });
  });

  test("are listed with versions, provider, batching and address, then a command to try that works", async () => {
    const lines = server.printed.split("\n").map((line) => line.split(/ {2,}/));
    expect(lines).toContainEqual(["model", "versions", "provider", "batching", "grpc"]);
    expect(lines).toContainEqual(["digits", "2 ready, 1 ready", "cpu", "up to 128 rows", server.address]);
    expect(lines).toContainEqual(["ready", "fraud 1"]);
    const command = /^try: npx predictd (.*) --text "(.*)"$/m.exec(server.printed)!;
    expect(await ask(...command[1]!.split(" "), "--text", command[2]!)).toMatchObject({ code: 0, stderr: "" });
  });

  test.each(["three", "seven"])("both versions of digits read %s.png", async (name) => {
    for (const version of ["1", "2"]) {
      const run = await ask("predict", "--model", "digits", "--version", version, "--image", `models/digits/${name}.png`, "--json-output");
      expect(JSON.parse(run.stdout)).toMatchObject({ version, outputs: [{ name: "label", data: [name === "three" ? 3 : 7] }, {}] });
    }
  });

  test("the sample table is answered row by row", async () => {
    const run = await ask("predict", "--model", "fraud", "--csv", "models/fraud/transactions.csv");
    expect(run.code).toBe(0);
    const lines = run.stdout.trimEnd().split("\n");
    expect(lines[0]).toBe("row,label,probabilities.legitimate,probabilities.fraud");
    expect(lines.slice(1).map((line) => Number(line.split(",")[0]))).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    expect(Number(lines[1]!.split(",")[3])).toBeCloseTo(0.59148, 4);
  });

  test("an input that does not fit comes back with the field that is wrong", async () => {
    const run = await ask("predict", "--model", "simple", "--json", '{"INPUT0":[[1,2]],"INPUT1":[[1,2]]}');
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(run.stderr).toMatch(/^error: INVALID_ARGUMENT \(INPUT_SHAPE_MISMATCH\) at stage validate\n[^]*- inputs\["INPUT0"\]\.shape\[1\]/);
  });

  test("health and models agree that all is well", async () => {
    expect(await ask("health")).toMatchObject({ code: 0, stdout: "SERVING\n" });
    const models = JSON.parse((await ask("models", "--json-output")).stdout) as { name: string }[];
    expect(models.map(({ name }) => name)).toEqual(["digits", "fraud", "simple", "toxicity"]);
  });
});

test("a second Ctrl-C does not wait for the drain", async () => {
  const dir = await mkdtemp(join(tmpdir(), "predictd-empty-"));
  const running = startCli(["serve", dir, "--host", "127.0.0.1", "--grpc-port", "0", "--drain-delay-ms", "60000", "--log-format", "json"]);
  const log = createInterface(running.stderr)[Symbol.asyncIterator]();
  const logged = async (msg: string): Promise<void> => {
    for (let line = await log.next(); !line.done; line = await log.next()) if (line.value.includes(`"msg":"${msg}"`)) return;
  };
  await logged("models settled");
  running.kill("SIGINT");
  await logged("draining");
  running.kill("SIGINT");
  expect(await running.ended).toMatchObject({ code: 130 });
  await rm(dir, { recursive: true });
});

test("a port that is taken is said in one line", async () => {
  const other = createServer();
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const run = await runCli(["serve", "models", "--host", "127.0.0.1", "--grpc-port", String(port), "--log-level", "silent"]);
  other.close();
  expect(run).toMatchObject({ code: 1, stdout: "" });
  expect(run.stderr).toContain(
    `error: Cannot listen on 127.0.0.1:${port}: another program listens there; --grpc-port takes another port, 0 any free one (EADDRINUSE).\n`,
  );
});

describe("what cannot be served", () => {
  test("a broken model stands in the table with its reason, the others are served", async () => {
    const dir = await mkdtemp(join(tmpdir(), "predictd-serve-"));
    await mkdir(join(dir, "simple", "1"), { recursive: true });
    await copyFile(join(ROOT, "models/simple/1/model.onnx"), join(dir, "simple/1/model.onnx"));
    await writeFile(join(dir, "broken.onnx"), "no model");
    const { running, printed } = await serve(dir);
    running.kill("SIGINT");
    expect(await running.ended).toMatchObject({ code: 0 });
    await rm(dir, { recursive: true });
    expect(printed).toMatch(/^broken +1 failed +- +- +127/m);
    expect(printed).toMatch(/^broken 1: \S/m);
    expect(printed).toMatch(/^simple +1 ready +cpu/m);
    expect(printed).toMatch(/^try: .* --model simple --json /m);
  });

  test.each([
    ["a folder that is not there", ["serve", "nowhere", "--host", "127.0.0.1", "--grpc-port", "0"], 2],
    ["the folder given twice", ["serve", "models", "--model-dir", "models"], 2],
    ["a configuration file that is not there", ["serve", "models", "--config", "nowhere.yaml"], 2],
  ])("%s", async (_, args, code) => {
    const run = await runCli([...args, "--log-level", "silent"]);
    expect(run).toMatchObject({ code, stdout: "" });
    expect(run.stderr).toMatch(/^error: /);
    expect(run.stderr).not.toMatch(/^\s+at /m);
  });
});
