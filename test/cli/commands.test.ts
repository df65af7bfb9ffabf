// The command line as a child process against a server.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { encode } from "fast-png";
import type { FakeServer } from "../client/support/fake-server.ts";
import { startFakeServer } from "../client/support/fake-server.ts";
import type { CliRun } from "./support/run-cli.ts";
import { ROOT, runCli } from "./support/run-cli.ts";

let server: FakeServer;
let folder: string;

beforeAll(async () => {
  server = await startFakeServer();
  folder = await mkdtemp(join(tmpdir(), "predictd-cli-"));
});

afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

const ask = (...args: readonly string[]): Promise<CliRun> => runCli(args, { PREDICTD_ADDRESS: server.address });

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe("predict", () => {
  test("--text prints a table for each output and a line about the run", async () => {
    expect(await ask("predict", "--model", "toxicity", "--text", "hello", "--text", "you idiot")).toEqual({
      code: 0,
      stderr: "",
      stdout: [
        "row  label",
        "1    ok",
        "2    toxic",
        "",
        "row  score",
        "1    0.25",
        "2    0.75",
        "",
        "toxicity version 1 · batch of 2 rows · queue 0.04 ms · run 0.6 ms · total 0.658 ms",
        "",
      ].join("\n"),
    });
  });

  test("--json of columns, --output, classes by name", async () => {
    const run = await ask("predict", "--model", "fraud", "--json", '{"amount":500,"hour":3,"country":1}', "--output", "probabilities");
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toMatch(/^row {2}probabilities\n1 {4}fraud 0\.75 +legitimate 0\.25\n\nfraud version 1/);
  });

  test("--json @file and --json-output: nothing is lost", async () => {
    const path = await file("in.json", '{"a":[9007199254740993],"b":[0.5]}');
    const run = await ask("predict", "--model", "pair", "--json", `@${path}`, "--json-output");
    expect(JSON.parse(run.stdout)).toMatchObject({
      model: "pair",
      version: "1",
      outputs: [
        { name: "a", dtype: "INT64", shape: [1], data: ["9007199254740993"] },
        { name: "b", dtype: "FP64", shape: [1], data: [0.5] },
      ],
    });
  });

  test("--image", async () => {
    const bytes = encode({ width: 16, height: 16, channels: 1, data: new Uint8Array(256).map((_, i) => (i < 16 * 2 ? 255 : 0)) });
    const run = await ask("predict", "--model", "digits", "--version", "2", "--image", await file("d.png", bytes), "--invert", "off");
    // Two rows of 16 pixels become one of 8, so the fake model says 8.
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toMatch(/^row {2}label\n1 {4}8\n\nrow {2}probabilities\n1 {4}8 0\.91 /);
  });

  test("--input takes raw bytes, with and without --shape", async () => {
    const a = await file("a.bin", new Uint8Array(Int32Array.of(1, 2, 3, 4).buffer));
    const args = [
      "predict",
      "--model",
      "simple",
      "--input",
      `INPUT0=@${a}`,
      "--input",
      `INPUT1=@${a}`,
      "--shape",
      "INPUT1=1,4",
      "--json-output",
    ];
    const run = await ask(...args);
    expect(JSON.parse(run.stdout)).toMatchObject({ outputs: [{ data: [[2, 4, 6, 8]] }, { data: [[0, 0, 0, 0]] }] });
  });

  test("--csv answers many rows in order, as CSV, with what is left out named on stderr", async () => {
    const rows = Array.from({ length: 50 }, (_, i) => `${i * 10},x,${i % 24},0`);
    const path = await file("rows.csv", `amount,note,hour,country\n${rows.join("\n")}\n`);
    const run = await ask("predict", "--model", "fraud", "--csv", path);
    expect(run.code).toBe(0);
    const lines = run.stdout.trimEnd().split("\n");
    expect(lines[0]).toBe("row,label,probabilities.legitimate,probabilities.fraud");
    expect(lines.slice(1).map((line) => line.split(",").slice(0, 2).join())).toEqual(
      rows.map((_, i) => `${i + 1},${i * 10 > 100 ? 1 : 0}`),
    );
    expect(run.stderr).toBe("The model does not take the columns note; they are left out.\nfraud version 1 · 50 rows · run 7.8 ms\n");
  });

  test("--csv prints what was answered before a bad cell", async () => {
    const path = await file("bad.csv", "amount,hour,country\n1,1,1\n2,2,2\n3,3,3\n4,4,4\n5,five,5\n");
    const run = await ask("predict", "--model", "fraud", "--csv", path);
    expect(run).toMatchObject({ code: 2, stdout: expect.stringMatching(/^row,.*\n1,.*\n2,.*\n3,.*\n4,.*\n$/) });
    expect(run.stderr).toBe('error: --csv row 5, column "hour": "five" is not a value of type FP32.\n');
  });
});

describe("models and health", () => {
  test("models lists every version, failed ones with their reason", async () => {
    const { stdout, code } = await ask("models");
    expect(code).toBe(0);
    expect(
      stdout
        .split("\n")
        .slice(0, 4)
        .map((line) => line.split(/ {2,}/)),
    ).toEqual([
      ["model", "version", "state", "provider", "batching"],
      ["broken", "1", "failed", "-", "-", "not an ONNX file"],
      ["digits", "2 (default)", "ready", "cpu", "up to 4 rows", "The digits model."],
      ["fraud", "1 (default)", "ready", "cpu", "up to 4 rows", "The fraud model."],
    ]);
  });

  test("models with a name shows signature, batching, execution and warm-up", async () => {
    const { stdout } = await ask("models", "fraud");
    for (const part of [
      "[N, 3]",
      "columns: amount, hour, country",
      "classes: legitimate, fraud",
      "inferred from the model file",
      "queue: at most 64 rows and 1 MiB wait; admission strict\n",
      "1 × thread on cpu",
      "not cuda: not built in",
      "1 rows 0.12 ms",
    ]) {
      expect(stdout).toContain(part);
    }
    expect(JSON.parse((await ask("models", "fraud", "--json-output")).stdout)).toMatchObject({ name: "fraud", defaultVersion: "1" });
  });

  test("models with a name shows how requests wait and share runs, where that is not as usual", async () => {
    const { stdout } = await ask("models", "pair");
    for (const line of [
      "queue: at most 64 rows and 1 MiB wait; a run waits up to 5 ms to be fuller (fixed); admission lenient; in order of arrival",
      "sizes: runs of 1, 8 rows only",
      "sizes: 8 rows preferred",
      "lengths: padded to 16, 24; up to 512 positions a run",
    ]) {
      expect(stdout).toContain(`  ${line}\n`);
    }
    expect(stdout.split("\n").filter((line) => line.endsWith("optional"))).toEqual([expect.stringMatching(/^ +b /)]);
  });

  test("health tells by its exit code", async () => {
    expect(await ask("health")).toEqual({ code: 0, stdout: "SERVING\n", stderr: "" });
    expect(await ask("health", "asleep")).toEqual({ code: 1, stdout: "NOT_SERVING\n", stderr: "" });
    expect(await ask("health", "nobody")).toMatchObject({ code: 1, stderr: "error: NOT_FOUND\n  unknown service\n" });
  });
});

describe("what goes wrong says what is allowed", () => {
  test.each([
    ["an unknown flag", ["predict", "--modle", "x"], 2, /unknown option '--modle'\n\(Did you mean --model\?\)/],
    ["an unknown command", ["perdict"], 2, /Did you mean predict\?/],
    ["a missing model", ["predict", "--text", "x"], 2, /--model says which model to ask/],
    [
      "no input",
      ["predict", "--model", "toxicity"],
      2,
      /exactly one kind of input of --json, --csv, --text, --image, --input; none was given/,
    ],
    ["two kinds of input", ["predict", "--model", "toxicity", "--text", "x", "--json", "{}"], 2, /; 2 were\.$/m],
    ["a choice", ["predict", "--model", "digits", "--image", "x", "--invert", "maybe"], 2, /Allowed choices are auto, on, off/],
    ["a time", ["health", "--timeout-ms", "0"], 2, /must be an integer from 1 to 86400000/],
    ["an address", ["health", "--address", "localhost"], 2, /must be host:port, e\.g\. 127\.0\.0\.1:8001/],
    ["a setting out of range", ["serve", "--grpc-port", "70000"], 2, /--grpc-port must be an integer from 0 to 65535, got 70000/],
    ["a setting's name", ["serve", "--grpc-prot", "1"], 2, /Did you mean --grpc-port\?/],
    [
      "the wrong kind of input",
      ["predict", "--model", "digits", "--text", "x"],
      2,
      /only input is of STRING; this one takes "image" of FP32/,
    ],
    ["a file that is not there", ["predict", "--model", "fraud", "--csv", "nowhere.csv"], 2, /nowhere\.csv cannot be read \(ENOENT\)/],
    [
      "an unknown model",
      ["predict", "--model", "nothing", "--text", "x"],
      1,
      /^error: NOT_FOUND \(MODEL_NOT_FOUND\)\n {2}There is no model/,
    ],
    [
      "a model that has failed",
      ["predict", "--model", "broken", "--text", "x"],
      1,
      /UNAVAILABLE \(MODEL_NOT_READY\)\n.*version 1 failed: not an ONNX file/,
    ],
    [
      "no server",
      ["health", "--address", "127.0.0.1:1"],
      1,
      /^error: UNAVAILABLE\n.*\n {2}Is the server running\? Start it with: npx predictd serve\n$/,
    ],
  ])("%s", async (_, args, code, message) => {
    const run = await ask(...args);
    expect(run).toMatchObject({ code, stdout: "" });
    expect(run.stderr).toMatch(message);
    expect(run.stderr).not.toMatch(/^\s+at /m);
  });

  test("--help documents the exit codes, --version prints the version", async () => {
    const { stdout } = await ask("predict", "--help");
    expect(stdout).toContain("Exit codes:\n  0  ok\n  1  failed");
    expect(await ask("--version")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });
});

test("predict loads neither the server nor what other kinds of input need", async () => {
  const hook = `import { registerHooks } from "node:module";
    registerHooks({ load(url, context, next) { process.stderr.write("loaded " + url + "\\n"); return next(url, context); } });`;
  const { stderr } = await runCli(["predict", "--address", server.address, "--model", "toxicity", "--text", "x"], {}, [
    "--import",
    `data:text/javascript,${encodeURIComponent(hook)}`,
  ]);
  const loaded = stderr
    .split("\n")
    .flatMap((line) => (line.startsWith("loaded file:") ? [relative(ROOT, fileURLToPath(line.slice(7)))] : []));
  expect(loaded).toContain("src/cli/input/text-input.ts");
  const unwanted =
    /^src\/(app|api|transport|registry|engine|predict)\b|^node_modules\/(onnxruntime|fast-png|csv-parse|pino|cli-progress)|^src\/cli\/serve\/serve\.ts/;
  expect(loaded.filter((path) => unwanted.test(path))).toEqual([]);
});
