// The cores as a device: batches of all models count together, in threads and processes; the main thread waits for nobody.

import { afterEach, expect, test } from "@jest/globals";

import { request } from "../support/clients.ts";
import { identity, slow } from "../support/models.ts";
import type { TestServer } from "../support/server.ts";
import { startServer } from "../support/server.ts";
import { fp32 } from "../support/wire-tensors.ts";

/** About 0.1 s, far from what counts as hung. */
const STEPS = 1000;

let server: TestServer | undefined;
afterEach(() => server?.stop());

/** Starts a long run in a process, then asks two other models. @returns the models in the order of their answers. */
async function orderWith(maxCpuThreads: number): Promise<readonly string[]> {
  server = await startServer({
    models: {
      "long/model.onnx": slow(),
      "long/model.yaml": "execution: process\ninstances: 1\nintraOpThreads: 1\n",
      "short/model.onnx": identity("float"),
      "short/model.yaml": "execution: thread\ninstances: 1\nintraOpThreads: 1\n",
      "inline/model.onnx": identity("float"),
      "inline/model.yaml": "execution: inline\n",
    },
    flags: ["--max-cpu-threads", String(maxCpuThreads), "--max-workers", "2"],
  });
  const order: string[] = [];
  const ask = async (model: string, values: readonly number[]): Promise<void> => {
    const { failure } = await server!.predict(request(model, [fp32("X", [1, values.length], values)]));
    expect(failure).toBeUndefined();
    order.push(model);
  };
  await Promise.all([ask("long", [STEPS, 7]), ask("short", [1, 2, 3, 4]), ask("inline", [1, 2, 3, 4])]);
  return order;
}

test("with one token a model in a thread waits for the run of another one in a process", async () => {
  expect(await orderWith(1)).toEqual(["inline", "long", "short"]);
});

test("with two it does not", async () => {
  expect((await orderWith(2)).at(-1)).toBe("long");
});

test("instances that could only wait for each other are named when the model loads", async () => {
  server = await startServer({
    models: { "wide/model.onnx": identity("float"), "wide/model.yaml": "instances: 2\nintraOpThreads: 2\n" },
    flags: ["--max-cpu-threads", "2", "--max-workers", "2"],
  });
  const [model] = await server.listModels();
  expect(model?.versions[0]?.reason).toContain("2 instances share cpu, 1 at a time (setting maxCpuThreads).");
});
