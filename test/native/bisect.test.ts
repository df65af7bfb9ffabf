// A request on whose values the model fails costs its neighbours in the batch nothing.

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { request } from "../support/clients.ts";
import { gather } from "../support/models.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { openSession } from "../support/session.ts";
import { floatsOf, int64 } from "../support/wire-tensors.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    models: { "gather/model.onnx": gather(), "gather/model.yaml": "instances: 1\nmaxBatchSize: 16\n" },
  });
});
afterAll(() => server?.stop());

const lookUp = (...indices: readonly number[]) => request("gather", [int64("INDEX", [indices.length], indices)]);
const rowsOf = (...indices: readonly number[]) => indices.flatMap((i) => [i, i + 0.25, i + 0.5]);

test.each([1, 2, 5, 40])("%i guilty among 60", async (guilty) => {
  const session = openSession(server.prediction);
  const answers = await Promise.all(
    [...Array(60).keys()].map((i) => {
      const bad = (i * 7) % 60 < guilty;
      return session.predict(String(i), bad ? lookUp(i % 10, 10 + i) : lookUp(i % 10, 9 - (i % 10)));
    }),
  );

  answers.forEach(({ response, failure }, i) => {
    if ((i * 7) % 60 < guilty)
      expect(failure).toMatchObject({ code: "INVALID_ARGUMENT", reason: "MODEL_REJECTED_INPUT", metadata: { stage: "run" } });
    else expect(floatsOf(response?.outputs[0])).toEqual(rowsOf(i % 10, 9 - (i % 10)));
  });
  expect(await session.end()).toBeUndefined();
});

test("one bad row of a request that is split over batches fails that request alone", async () => {
  const indices = Array.from({ length: 50 }, (_, i) => i % 10);
  const good = server.predict(lookUp(...indices));
  const bad = server.predict(lookUp(...indices.with(40, 77)));

  expect(floatsOf((await good).response?.outputs[0])).toEqual(rowsOf(...indices));
  expect((await bad).failure?.reason).toBe("MODEL_REJECTED_INPUT");
});

test("the runtime's text stays in the log", async () => {
  const { failure } = await server.predict(lookUp(10));

  expect(JSON.stringify(failure)).not.toMatch(/Non-zero|Gather|node\b|\//);
  expect(server.log.some((line) => JSON.stringify(line).includes("out of data bounds"))).toBe(true);
});
