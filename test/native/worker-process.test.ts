// Models in processes of their own: what dies there takes its own run along and nothing else, and nothing outlives the server.

import { readdir } from "node:fs/promises";
import { afterEach, describe, expect, test } from "@jest/globals";

import { connectOip } from "../contract/oip-service.ts";
import { brokenModels } from "../support/broken-models.ts";
import { request } from "../support/clients.ts";
import { gather, identity, matmul, slow } from "../support/models.ts";
import { startServer } from "../support/server.ts";
import type { ServerOptions, TestServer } from "../support/server.ts";
import { WAYS } from "../support/ways.ts";
import { floatsOf, fp32, int64, text } from "../support/wire-tensors.ts";
import { allGone, childrenOf, environmentOf, isRunning, untilBusy } from "../support/worker-processes.ts";

const onLinux = process.platform === "linux" ? describe : describe.skip;
const IN_PROCESS = "execution: process\ninstances: 1\n";

let server: TestServer;
afterEach(() => server?.stop());

async function start(models: ServerOptions["models"], more: Partial<ServerOptions> = {}): Promise<TestServer> {
  server = await startServer({ models, ...more });
  return server;
}

/** Process ids of worker processes as they were started, oldest first. */
function startedPids(): number[] {
  return server.log.filter(({ msg }) => msg === "worker process started").map(({ pid }) => Number(pid));
}

const slowly = (steps: number) => request("slow", [fp32("X", [1, 2], [steps, 7])]);

test("every method answers from a process, and the model says where it runs", async () => {
  await start({ "floats/model.onnx": identity("float"), "floats/model.yaml": IN_PROCESS });
  for (const send of Object.values(WAYS)) {
    const { response, failure } = await send(server, request("floats", [fp32("X", [2, 4], [1, 2, 3, 4, 5, 6, 7, 8])]));
    expect(failure).toBeUndefined();
    expect(floatsOf(response?.outputs[0])).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  }
  const large = Float32Array.from({ length: 4 * 50_000 }, (_, i) => i);
  const { chunks } = await server.predictStream(request("floats", [fp32("X", [50_000, 4], large)]), 7000);
  expect(chunks.flatMap(({ response }) => floatsOf(response?.outputs[0]))).toEqual([...large]);
  const [model] = await server.listModels();
  expect(model?.versions[0]).toMatchObject({ reason: "", execution: { kind: "process", instances: 1, provider: "cpu" } });
});

test("batches of many times the pipe's size come and go at the same time", async () => {
  await start({ "wide/model.onnx": identity("float"), "wide/model.yaml": `${IN_PROCESS}maxBatchSize: 60000\nmaxQueueRows: 1000000\n` });
  const values = [1, 2, 3, 4, 5].map((call) => new Float32Array(4 * (50_000 + call)).map((_, i) => i * call));
  const outcomes = await Promise.all(values.map((floats) => server.predict(request("wide", [fp32("X", [floats.length / 4, 4], floats)]))));

  for (const [call, { response, failure }] of outcomes.entries()) {
    expect(failure).toBeUndefined();
    expect(response?.batchRows).toBeGreaterThanOrEqual(50_000);
    expect(Buffer.from(response!.outputs[0]!.raw).equals(Buffer.from(values[call]!.buffer))).toBe(true);
  }
});

test("a failed run blames the row, as in a thread", async () => {
  await start({ "rows/model.onnx": gather(), "rows/model.yaml": IN_PROCESS });
  const [good, bad] = await Promise.all([3, 99].map((index) => server.predict(request("rows", [int64("INDEX", [1], [index])]))));

  expect(floatsOf(good?.response?.outputs[0])).toEqual([3, 3.25, 3.5]);
  expect(bad?.failure).toMatchObject({ code: "INVALID_ARGUMENT", reason: "MODEL_REJECTED_INPUT" });
});

test("a file that cannot be served gives the reason that a thread gives, and leaves no process behind", async () => {
  const files = Object.entries(brokenModels());
  await start({
    "good.onnx": identity("float"),
    ...Object.fromEntries(files.flatMap(([name, bytes]) => [[`${name}.onnx`, bytes]])),
    ...Object.fromEntries(files.flatMap(([name, bytes]) => [[`p-${name}/model.onnx`, bytes]])),
    ...Object.fromEntries(files.map(([name]) => [`p-${name}/model.yaml`, IN_PROCESS])),
  });
  const reasons = new Map((await server.listModels()).map(({ name, versions }) => [name, versions[0]?.reason]));

  for (const [name] of files) expect([name, reasons.get(`p-${name}`)]).toEqual([name, reasons.get(name)]);
  await allGone(startedPids());
  expect(startedPids().length).toBeGreaterThan(0);
});

test("a process that dies while it loads fails its model, with the reason, and no other", async () => {
  await start(
    { "heavy/model.onnx": matmul(5000), "heavy/model.yaml": IN_PROCESS, "sound.onnx": identity("float") },
    { waitForServing: false },
  );
  while (startedPids().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  process.kill(startedPids()[0]!, "SIGSEGV");
  await server.waitForServing();

  const [heavy] = await server.listModels();
  expect(heavy?.versions[0]).toMatchObject({ state: 6, reason: "The worker died while it loaded the model." });
  expect(floatsOf((await server.predict(request("sound", [fp32("X", [1, 4], [1, 2, 3, 4])]))).response?.outputs[0])).toEqual([1, 2, 3, 4]);
});

test("texts above the heap's limit cost the worker, not the server", async () => {
  await start(
    { "texts/model.onnx": identity("string"), "texts/model.yaml": `${IN_PROCESS}maxBatchSize: 0\n` },
    { flags: ["--worker-heap-mb", "64"] },
  );
  const many = await server.predict(request("texts", [text("X", [250_000, 4], Array<string>(1_000_000).fill("x".repeat(60)))]));
  expect(many.failure).toMatchObject({ code: "UNAVAILABLE", reason: "WORKER_LOST" });
  expect(await server.check("")).toBe("SERVING");
});

onLinux("a worker process", () => {
  test("has little environment and writes nothing to HOME", async () => {
    await start(
      { "floats/model.onnx": identity("float"), "floats/model.yaml": IN_PROCESS },
      { env: { SECRET_TOKEN: "x", OMP_NUM_THREADS: "1", PREDICTD_LOG_LEVEL: "info" } },
    );
    const [child] = childrenOf(server.pid);

    expect(childrenOf(server.pid)).toEqual(startedPids());
    expect(environmentOf(child!)).toEqual(
      expect.arrayContaining(["GLIBC_TUNABLES", "HOME", "OMP_NUM_THREADS", "ORT_DISABLE_TELEMETRY", "PATH"]),
    );
    expect(environmentOf(child!).filter((name) => /^(?:SECRET|PREDICTD|NODE|npm)/.test(name))).toEqual([]);
    expect(await readdir(server.home, { recursive: true })).toEqual([]);
  });

  test("ends with the server, which drains first, although the signal goes to both", async () => {
    await start({ "slow/model.onnx": slow(), "slow/model.yaml": IN_PROCESS });
    const [child] = childrenOf(server.pid);
    const running = server.predict(slowly(3000));
    await untilBusy(child!);
    process.kill(child!, "SIGTERM");
    process.kill(child!, "SIGINT");
    const code = server.stop();

    expect((await running).response).toBeDefined();
    expect(await code).toBe(0);
    expect(isRunning(child!)).toBe(false);
  });

  test("ends with a server that was killed, although its run would not end", async () => {
    await start({ "slow/model.onnx": slow(), "slow/model.yaml": IN_PROCESS });
    const [child] = childrenOf(server.pid);
    void server.predict(slowly(5_000_000));
    await untilBusy(child!);
    server.kill("SIGKILL");
    await allGone([child!]);
  });

  test("ends when its model is unloaded; another one begins when it is loaded again", async () => {
    await start(
      { "floats/model.onnx": identity("float"), "floats/model.yaml": IN_PROCESS },
      { flags: ["--model-control", "explicit", "--load-models", "*"] },
    );
    const oip = connectOip(server.address);
    try {
      const before = childrenOf(server.pid);
      await oip.ask("repositoryModelUnload", { modelName: "floats" });
      await allGone(before);
      expect(childrenOf(server.pid)).toEqual([]);

      await oip.ask("repositoryModelLoad", { modelName: "floats" });
      const after = await server.predict(request("floats", [fp32("X", [1, 4], [1, 2, 3, 4])]));
      expect(floatsOf(after.response?.outputs[0])).toEqual([1, 2, 3, 4]);
      expect(childrenOf(server.pid)).toHaveLength(1);
      expect(startedPids()).toEqual([...before, ...childrenOf(server.pid)]);
    } finally {
      oip.close();
    }
  });
});
