// A worker thread that dies takes its own run with it and nothing else: its callers hear at once, and it is replaced.

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { request } from "../support/clients.ts";
import { evaluateInWorkers, INSPECT } from "../support/inspect-workers.ts";
import { identity, slow } from "../support/models.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { floatsOf, fp32 } from "../support/wire-tensors.ts";

// The next message, which starts a run, meets an error that nobody catches.
const DIE_ON_NEXT_RUN = `process.getBuiltinModule("node:worker_threads").parentPort.once("message", () => { throw new Error("as the test asked"); })`;

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    models: { "floats.onnx": identity("float"), "slow/model.onnx": slow(), "slow/model.yaml": "instances: 1\nmaxBatchSize: 1\n" },
    flags: ["--max-workers", "1"],
    env: INSPECT,
  });
});
afterAll(() => server?.stop());

const floats = request("floats", [fp32("X", [1, 4], [1, 2, 3, 4])]);
const slowly = request("slow", [fp32("X", [1, 2], [500, 7])]);

/** Asks again while the answer is UNAVAILABLE, which says that a retry may succeed. */
async function predictPatiently(message: typeof floats): ReturnType<TestServer["predict"]> {
  for (;;) {
    const outcome = await server.predict(message);
    if (outcome.failure?.code !== "UNAVAILABLE") return outcome;
    await new Promise((resolve) => setTimeout(resolve, outcome.failure?.retryDelayMs ?? 100));
  }
}

test("callers of a lost worker get UNAVAILABLE, and the next ones are served by its successor", async () => {
  expect(await evaluateInWorkers(server, "worker.ts", DIE_ON_NEXT_RUN)).toBe(1);
  const lost = await server.predict(floats);

  expect(lost.failure).toMatchObject({ code: "UNAVAILABLE", reason: "WORKER_LOST", metadata: { stage: "run" } });
  expect(lost.failure?.retryDelayMs).toBeGreaterThan(0);
  expect(floatsOf((await predictPatiently(floats)).response?.outputs[0])).toEqual([1, 2, 3, 4]);
  expect(floatsOf((await predictPatiently(slowly)).response?.outputs[0])).toEqual([500, 7]);
  expect(await server.check("")).toBe("SERVING");
});

test("what waits behind the lost run is answered, one way or the other", async () => {
  await evaluateInWorkers(server, "worker.ts", DIE_ON_NEXT_RUN);
  const outcomes = await Promise.all([server.predict(slowly), ...Array.from({ length: 20 }, () => server.predict(floats))]);

  expect(outcomes[0]?.failure?.reason).toBe("WORKER_LOST");
  for (const { response, failure } of outcomes.slice(1)) {
    if (failure) expect(failure).toMatchObject({ code: "UNAVAILABLE" });
    else expect(floatsOf(response?.outputs[0])).toEqual([1, 2, 3, 4]);
  }
  expect((await predictPatiently(floats)).failure).toBeUndefined();
  const [model] = await server.listModels();
  expect(model?.versions[0]?.statistics?.queuedRows).toBe(0n);
});
