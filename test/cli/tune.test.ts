// `predictd tune` on the bundled models and on folders made for the test.

import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Writable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { runCli as runHere } from "../../src/cli/run.ts";
import { parseManifest } from "../../src/registry/manifest.ts";
import { centreOverRows, gather, matmul } from "../support/models.ts";
import type { CliRun } from "./support/run-cli.ts";
import { ROOT, runCli } from "./support/run-cli.ts";

let folder: string;

/** A stream that keeps what it is given and says that it is a terminal, unless it shall be none. */
class Screen extends Writable {
  readonly isTTY: boolean;
  text = "";

  constructor(onText: (text: string) => void, isTTY = true) {
    super({
      decodeStrings: false,
      write: (chunk: string, _encoding, done) => {
        this.text += chunk;
        onText(chunk);
        done();
      },
    });
    this.isTTY = isTTY;
  }
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "predictd-tune-"));
});

afterEach(() => rm(folder, { recursive: true }));

async function files(content: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [path, one] of Object.entries(content)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), one);
  }
}

const tune = (...args: readonly string[]): Promise<CliRun> => runCli(["tune", "--models", folder, "--seconds", "0.4", ...args]);

interface Tuned {
  readonly version: string;
  readonly objectiveMs: number;
  readonly cores: number;
  readonly batched: boolean;
  readonly rows: readonly Readonly<Record<string, number>>[];
  readonly best: Readonly<Record<string, number>> | null;
  readonly set: string;
  readonly written: string | null;
}

const parse = ({ stdout }: CliRun): Tuned => JSON.parse(stdout) as Tuned;

/** Lines that tuning has nothing to do with. */
function others(text: string): readonly string[] {
  return text.split("\n").filter((line) => !/^(instances|intraOpThreads|maxBatchSize):/.test(line));
}

describe("a bundled model", () => {
  beforeEach(() => cp(join(ROOT, "models", "digits"), join(folder, "digits"), { recursive: true }));

  test("a table for people, the best choice, and what to set", async () => {
    const { code, stdout, stderr } = await tune("digits", "--objective-ms", "50");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^digits version 2: answers within 50 ms on \d+ cores \(cpu, thread\)\n/);
    expect(stdout).toMatch(/\n +instances +threads +max batch +p50 run +rows\/s saturated +requests\/s in time +memory\n/);
    expect(stdout).toMatch(/\n\* +\d+ +\d+ +\d+ +[\d.]+ ms +[\d,]+ +[\d,]+ +\d+ MiB\n/);
    expect(stdout).toMatch(
      /\nbest \(\*\): [\d,.]+ requests a second within 50 ms\n\nset in model\.yaml:\n\n {2}instances: \d+\n {2}intraOpThreads: \d+\n {2}maxBatchSize: \d+\n$/,
    );
  });

  test("--json has every row; nothing is written unless asked for", async () => {
    const before = await readFile(join(folder, "digits/model.yaml"), "utf8");
    const tuned = parse(await tune("digits", "--json", "--version", "1", "--max-batch-size", "4"));
    expect(tuned).toMatchObject({ version: "1", objectiveMs: 100, cores: availableParallelism(), batched: true, written: null });
    expect(new Set(tuned.rows.map(({ maxBatchSize }) => maxBatchSize))).toEqual(new Set([1, 2, 4]));
    expect(tuned.rows).toContainEqual(tuned.best);
    const fastest = Math.max(...tuned.rows.map((row) => row["saturatedPerSecond"]!));
    for (const { instances, intraOpThreads, p50RunMs, saturatedPerSecond, goodputPerSecond, memoryBytes } of tuned.rows) {
      expect(instances! * intraOpThreads!).toBeLessThanOrEqual(tuned.cores);
      expect(p50RunMs).toBeGreaterThan(0);
      expect(saturatedPerSecond).toBeGreaterThan(0);
      expect(goodputPerSecond).toBeLessThanOrEqual(fastest);
      expect(memoryBytes).toBeGreaterThan(10_000_000);
    }
    expect(await readFile(join(folder, "digits/model.yaml"), "utf8")).toBe(before);
  });

  test("--write sets the numbers and keeps every other line", async () => {
    const before = await readFile(join(folder, "digits/model.yaml"), "utf8");
    const run = await tune("digits", "--write");
    expect([run.code, run.stderr]).toEqual([0, ""]);
    const after = await readFile(join(folder, "digits/model.yaml"), "utf8");
    const manifest = parseManifest(after);
    expect(run.stdout).toContain(
      `says:\n\n  instances: ${manifest.instances}\n  intraOpThreads: ${manifest.intraOpThreads}\n  maxBatchSize: ${manifest.maxBatchSize}\n`,
    );
    expect(others(before).some((line) => line.includes("#"))).toBe(true);
    expect(others(after)).toEqual(others(before));
    expect((await readdir(join(folder, "digits"))).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

describe("other models", () => {
  test("one without a model.yaml gets one", async () => {
    await files({ "rows/1/model.onnx": gather() });
    expect(parse(await tune("rows", "--write", "--json")).written).toMatch(/rows\/model\.yaml$/);
    const manifest = parseManifest(await readFile(join(folder, "rows/model.yaml"), "utf8"));
    expect(manifest).toMatchObject({ instances: expect.any(Number), intraOpThreads: expect.any(Number), maxBatchSize: expect.any(Number) });
  });

  test("one whose rows influence each other has no batch to choose", async () => {
    await files({ "centre/model.onnx": centreOverRows() });
    const tuned = parse(await tune("centre", "--json"));
    expect([tuned.batched, tuned.set]).toEqual([false, expect.stringMatching(/^instances: \d+\nintraOpThreads: \d+\n$/)]);
  });

  test.each(["allowedBatchSizes: [1, 4]\n", "allowedBatchSizes: [1, 4]\nmaxBatchSize: 4\n", "preferredBatchSizes: [4]\n"])(
    "sizes that the configuration names stay, so that what is written can be loaded: %j",
    async (named) => {
      await files({ "rows/model.onnx": gather(), "rows/model.yaml": named });
      const tuned = parse(await tune("rows", "--write", "--json"));
      expect(tuned.set).toMatch(/^instances: \d+\nintraOpThreads: \d+\n$/);
      expect((await readFile(join(folder, "rows/model.yaml"), "utf8")).replace(named, "")).toMatch(
        /^instances: \d+\nintraOpThreads: \d+\n$/,
      );
      const limited = await tune("rows", "--max-batch-size", "2");
      expect([limited.code, limited.stderr]).toEqual([1, expect.stringContaining("names batch sizes up to")]);
    },
  );

  test("execution is as the model has it", async () => {
    await files({ "rows/model.onnx": gather(), "rows/model.yaml": "execution: process\nobjectiveMs: 30\n" });
    const run = await tune("rows", "--json");
    expect(parse(run)).toMatchObject({ execution: "process", objectiveMs: 30 });
  });

  test("config.pbtxt: what to set there; --write writes nothing and says so", async () => {
    const config = 'name: "rows"\nmax_batch_size: 4\ndynamic_batching {}\n';
    await files({ "rows/1/model.onnx": gather(), "rows/config.pbtxt": config });
    const run = await tune("rows", "--write");
    expect([run.code, run.stderr]).toEqual([
      1,
      "error: nothing was written: the model's config.pbtxt says what acts; set the lines above there\n",
    ]);
    expect(run.stdout).toMatch(
      /set in config\.pbtxt:\n\n {2}max_batch_size: [124]\n {2}instance_group \[ \{ kind: KIND_CPU count: \d+ \} \]\n {2}parameters \{ key: "intra_op_thread_count" value \{ string_value: "\d+" \} \}\n$/,
    );
    expect(await readFile(join(folder, "rows/config.pbtxt"), "utf8")).toBe(config);
    expect(await readdir(join(folder, "rows"))).toEqual(["1", "config.pbtxt"]);
  });

  test("a bare file has no folder to write into", async () => {
    await files({ "rows.onnx": gather() });
    const run = await tune("rows", "--write");
    expect([run.code, run.stderr]).toEqual([1, "error: nothing was written: rows.onnx has no folder of its own for a model.yaml\n"]);
  });

  test("one that answers nothing within the objective: said, and exit code 1", async () => {
    await files({ "heavy/model.onnx": matmul(1000, 400) });
    const run = await tune("heavy", "--objective-ms", "1", "--write");
    expect(run.code).toBe(1);
    expect(run.stdout).toMatch(/\nNothing is answered within 1 ms: the fastest run of one row takes [\d.]+ ms\.\n$/);
    expect(await readdir(join(folder, "heavy"))).toEqual(["model.onnx"]);
  });
});

describe("what cannot be tuned", () => {
  test.each<[string, readonly string[], number, RegExp]>([
    ["an unknown model", ["nobody"], 1, /^error: Model "nobody" cannot be tuned: The folder of models has no model "nobody"\.\n$/],
    ["an unknown version", ["rows", "--version", "7"], 1, /serves no version 7; it serves 1\.\n$/],
    ["a model.yaml with a bad value", ["bad"], 1, /model\.yaml cannot be used: line 1: tune must be one of off, auto, got "maybe"\n$/],
    ["a file that is no model", ["broken"], 1, /cannot be tuned: The file is not an ONNX model\.\n$/],
    ["a bad time", ["rows", "--seconds", "0"], 2, /It must be a number from 0\.1 to 600\./],
    ["a bad objective", ["rows", "--objective-ms", "soon"], 2, /It must be an integer from 1 to/],
    ["a bad batch", ["rows", "--max-batch-size", "0"], 2, /It must be an integer from 1 to 65536\./],
    ["no model", [], 2, /missing required argument 'model'/],
    ["no folder", ["rows", "--models", "/nowhere"], 2, /^error: The model folder .* does not exist\.\n$/],
  ])("%s", async (_, args, code, text) => {
    await files({
      "rows/model.onnx": gather(),
      "bad/model.onnx": gather(),
      "bad/model.yaml": "tune: maybe\n",
      "broken/model.onnx": "no model",
    });
    const [stdout, stderr] = [new Screen(() => {}, false), new Screen(() => {}, false)];
    const terminal = { stdout, stderr, env: {}, cwd: folder, signal: new AbortController().signal };
    expect(await runHere(["tune", "--models", folder, "--seconds", "0.4", ...args], terminal)).toBe(code);
    expect(stdout.text).toBe("");
    expect(stderr.text).toMatch(text);
  });

  test("an interrupted sweep ends between two runs and says so", async () => {
    await files({ "heavy/model.onnx": matmul(3000) });
    const stop = new AbortController();
    // A usual abort's reason is of the class Error outside of this test's realm only.
    const interrupted = Object.assign(new Error("stop"), { name: "AbortError" });
    const stderr = new Screen((text) => {
      if (/\d+ instances × \d+ threads/.test(text)) stop.abort(interrupted);
    });
    const stdout = new Screen(() => {});
    const terminal = { stdout, stderr, env: {}, cwd: folder, signal: stop.signal };
    expect(await runHere(["tune", "heavy", "--models", folder, "--seconds", "600"], terminal)).toBe(1);
    expect([stdout.text, stderr.text.endsWith("error: interrupted\n")]).toEqual(["", true]);
  });
});

test("a terminal sees a bar while the sweep goes on, and nothing of it afterwards", async () => {
  await files({ "rows/model.onnx": gather() });
  const [stdout, stderr] = [new Screen(() => {}), new Screen(() => {})];
  const terminal = { stdout, stderr, env: {}, cwd: folder, signal: new AbortController().signal };
  expect(await runHere(["tune", "rows", "--models", folder, "--seconds", "0.4"], terminal)).toBe(0);
  expect(stderr.text).toMatch(/\d+% · \d+ instances × \d+ threads/);
  expect(stdout.text).toMatch(/^rows version 1: /);
});
