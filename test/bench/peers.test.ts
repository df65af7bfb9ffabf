// The servers of the comparison: their list is complete and pinned, the plain one answers, wrong answers are seen, nothing is left running.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askRight } from "../../bench/peers/ask.ts";
import { environmentOf, peersDir, requirementLines } from "../../bench/peers/environments.ts";
import type { Example } from "../../bench/peers/examples.ts";
import type { Peer, ServedModel } from "../../bench/peers/peer.ts";
import { peers, peersNamed } from "../../bench/peers/peers.ts";
import { startPeer } from "../../bench/peers/start.ts";
import type { PeerSettings } from "../../bench/peers/start.ts";
import { buildModel } from "../support/onnx/build-model.ts";

const environments = [...new Set(peers.flatMap(({ environment }) => environment ?? []))];
const pinned = /^[\w.-]+(\[[\w,-]+\])?==[\w.]+( *;.*)?$/;

describe("the list", () => {
  test("names every server of the comparison once", () => {
    expect(peers.map(({ name }) => name)).toEqual([
      "predictd",
      "triton",
      "triton-timeout",
      "triton-tuned",
      "triton-client",
      "mlserver",
      "bentoml",
      "litserve",
      "ray",
      "naive",
    ]);
    const sources = peers.flatMap(({ capacityOf }) => capacityOf ?? []);
    expect(peersNamed(sources).map(({ name }) => name)).toEqual(["triton"]);
    expect(() => peersNamed(["triton", "nobody"])).toThrow("No such peer: nobody");
  });

  test("every folder with a serve script is listed", () => {
    const folders = readdirSync(peersDir).filter((name) => existsSync(join(peersDir, name, "serve.py")));
    expect(folders.toSorted()).toEqual(environments.toSorted());
  });

  test.each(environments)("%s pins all that it installs, the same runtime as ours included", (name) => {
    const { requirementsFile, constraintsFile, version } = environmentOf(name);
    const lines = [...requirementLines(requirementsFile), ...requirementLines(constraintsFile)];
    expect(lines.filter((line) => !pinned.test(line))).toEqual([]);
    const ours = JSON.parse(readFileSync("node_modules/onnxruntime-node/package.json", "utf8")).version;
    expect(requirementLines(requirementsFile)).toContain(`onnxruntime==${ours}`);
    expect(peers.find(({ environment }) => environment === name)!.title).toContain(version);
  });
});

describe("a started server", () => {
  const tempDir = mkdtempSync(join(tmpdir(), "predictd-peers-test-"));
  const model: ServedModel = { name: "small", folder: tempDir, file: join(tempDir, "small", "1", "model.onnx") };
  const one: Example = { rows: 1, values: Float32Array.of(1, 1, 1), expected: Float32Array.of(9, 12) };
  const two: Example = { rows: 2, values: Float32Array.of(1, 0, 0, 0, 0, 2), expected: Float32Array.of(1, 2, 10, 12) };
  const settings: PeerSettings = {
    model,
    maxBatch: 32,
    threads: 1,
    deadlineMs: 80,
    longestDeadlineMs: 160,
    fullBatchMs: 1,
    core: undefined,
    examples: [one, two],
  };

  beforeAll(() => {
    mkdirSync(join(tempDir, "small", "1"), { recursive: true });
    const weights = { name: "w", type: "float", dims: [3, 2], data: new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer) } as const;
    const bytes = buildModel({
      inputs: [{ name: "x", type: "float", dims: ["N", 3] }],
      outputs: [{ name: "y", type: "float", dims: ["N", 2] }],
      initializers: [weights],
      nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
    });
    writeFileSync(model.file, bytes);
  });

  afterAll(() => rmSync(tempDir, { recursive: true }));

  test("the plain one answers ModelInfer with what the model makes of the rows", async () => {
    const running = await startPeer(peersNamed(["naive"])[0]!, settings);
    try {
      const { peer, port } = running;
      await askRight(peer, port, "small", two);
      const wrong = { ...one, expected: one.expected.map((value) => value + 1) };
      await expect(askRight(peer, port, "small", wrong)).rejects.toThrow("Wrong answer");
      await expect(askRight(peer, port, "small", { ...one, expected: two.expected })).rejects.toThrow("2 numbers for 1 rows instead of 4");
    } finally {
      await running.stop();
    }
    expect(await running.answers(0)).toBe(false);
  });

  test("one that ends leaves no workers behind, not even in groups of their own", async () => {
    const pidFile = join(tempDir, "pid");
    const script = `
      const worker = require("node:child_process").spawn("sleep", ["1000"], { detached: true, stdio: "ignore" });
      require("node:fs").writeFileSync(${JSON.stringify(pidFile)}, String(worker.pid));
      console.log(process.env.GLIBC_TUNABLES, "the end");
      process.exit(3);`;
    const peer: Peer = {
      name: "short-lived",
      title: "",
      protocol: "oip-grpc",
      configuration: "",
      start: () => ({ command: [process.execPath, "-e", script], cwd: tempDir, env: {} }),
    };
    await expect(startPeer(peer, settings)).rejects.toThrow(/ended with 3\nglibc.malloc.hugetlb=1 the end/);
    const pid = Number(readFileSync(pidFile, "utf8"));
    // What has ended may wait for its parent to ask how.
    const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "utf8") : "gone Z";
    expect(stat.split(" ")).toContain("Z");
  });
});
