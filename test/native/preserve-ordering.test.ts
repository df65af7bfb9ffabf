// Answers in the order of arrival, through a real server with two instances.

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { request } from "../support/clients.ts";
import { slow } from "../support/models.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { fp32 } from "../support/wire-tensors.ts";

let server: TestServer;
beforeAll(async () => {
  const two = "instances: 2\nintraOpThreads: 1\nmaxBatchSize: 1\n";
  server = await startServer({
    models: {
      "ordered/model.onnx": slow(),
      "ordered/model.yaml": `${two}preserveOrdering: true\n`,
      "free/model.onnx": slow(),
      "free/model.yaml": two,
    },
    flags: ["--max-workers", "2"],
  });
});
afterAll(() => server?.stop());

test.each([
  ["ordered", ["long", "short"]],
  ["free", ["short", "long"]],
])("%s: a short request behind a long one", async (model, expected) => {
  const answered: string[] = [];
  const call = async (name: string, steps: number): Promise<void> => {
    const { failure } = await server.predict(request(model, [fp32("X", [1, 2], [steps, 0])]));
    answered.push(failure?.reason ?? name);
  };
  await Promise.all([call("long", 3000), call("short", 1)]);
  expect(answered).toEqual(expected);
});
