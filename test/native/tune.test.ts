// `tune: auto` in a real server: models of any kind of execution are swept before they serve, and a stop in the middle is clean.

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { request } from "../support/clients.ts";
import { centreOverRows, gather, identity, matmul } from "../support/models.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { floatsOf, fp32, int64 } from "../support/wire-tensors.ts";
import { untilThreadBusy } from "../support/worker-processes.ts";

const AUTO = "tune: auto\ntuneBudgetMs: 300\n";

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    models: {
      "rows/model.onnx": gather(),
      "rows/model.yaml": `${AUTO}objectiveMs: 40\n`,
      "inline/model.onnx": identity("float"),
      "inline/model.yaml": `${AUTO}execution: inline\nmaxBatchSize: 8\n`,
      "process/model.onnx": identity("float"),
      "process/model.yaml": `${AUTO}execution: process\ninstances: 1\n`,
      "centre/model.onnx": centreOverRows(),
      "centre/model.yaml": AUTO,
      "plain/model.onnx": identity("float"),
    },
    // Fewer models than workers, whatever the machine: each may have all of it.
    flags: ["--max-workers", "8"],
  });
  // Lines of the log come by another way than answers do.
  while (!server.log.some(({ msg }) => msg === "models settled")) await new Promise(setImmediate);
});
afterAll(() => server?.stop());

async function versionOf(name: string) {
  return (await server.listModels()).find((model) => model.name === name)?.versions[0];
}

test("every model that asks for it is tuned once, one after the other, and says what was found", () => {
  const lines = server.log.filter(({ msg }) => String(msg).startsWith("tun"));
  expect(new Set(lines.map(({ model, level }) => `${String(level)} ${String(model)}`))).toEqual(
    new Set(["info rows", "info inline", "info process", "info centre"]),
  );
  expect(lines.length).toBe(4);
  for (const { instances, intraOpThreads, goodputPerSecond, tuneMs } of lines) {
    expect([instances, intraOpThreads, goodputPerSecond, tuneMs]).toEqual(Array(4).fill(expect.any(Number)));
    expect(goodputPerSecond).toBeGreaterThan(0);
  }
});

/** The line about a model. */
function tuned(name: string) {
  return server.log.find(({ msg, model }) => String(msg).startsWith("tuned") && model === name)!;
}

test("what was found is what serves", async () => {
  const rows = await versionOf("rows");
  expect(rows).toMatchObject({
    execution: { instances: tuned("rows")["instances"], intraOpThreads: tuned("rows")["intraOpThreads"] },
    batching: { maxBatchSize: tuned("rows")["maxBatchSize"], source: "tuned for answers within 40 ms" },
  });
  expect(await versionOf("inline")).toMatchObject({
    execution: { kind: "inline", instances: 1 },
    batching: { maxBatchSize: 8, source: "the model's configuration" },
  });
  expect(await versionOf("process")).toMatchObject({ execution: { kind: "process", instances: 1 } });
  expect((await versionOf("centre"))?.batching).toMatchObject({
    enabled: false,
    source: expect.stringContaining("rows influence each other"),
  });
  expect((await versionOf("plain"))?.batching).toMatchObject({ source: "inferred from the model file" });
});

test("it answers", async () => {
  expect(floatsOf((await server.predict(request("rows", [int64("INDEX", [1], [3])]))).response?.outputs[0])).toEqual([3, 3.25, 3.5]);
  expect(floatsOf((await server.predict(request("process", [fp32("X", [1, 4], [1, 2, 3, 4])]))).response?.outputs[0])).toEqual([
    1, 2, 3, 4,
  ]);
});

test("a stop in the middle of a sweep waits for one run, not for the sweep", async () => {
  const slow = await startServer({
    models: {
      "heavy/model.onnx": matmul(3000),
      "heavy/model.yaml": "tune: auto\ntuneBudgetMs: 600000\nmaxBatchSize: 4096\nobjectiveMs: 60000\n",
    },
    waitForServing: false,
  });
  await untilThreadBusy(slow.pid);
  expect(slow.log.some(({ msg }) => msg === "models settled")).toBe(false);
  const started = performance.now();
  expect(await slow.stop()).toBe(0);
  expect(performance.now() - started).toBeLessThan(15_000);
  expect(slow.log.some(({ msg }) => String(msg).startsWith("tuned"))).toBe(false);
});
