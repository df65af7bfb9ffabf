// The client against the real server: what only a real pipeline can show.

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { PredictdClient, PredictdError } from "../../src/client/client.ts";
import { createClient, tensor, values } from "../../src/client/client.ts";
import type { TestServer } from "../support/server.ts";
import { startServer } from "../support/server.ts";

let server: TestServer;
let client: PredictdClient;

const models = fileURLToPath(new URL("../../models", import.meta.url));

beforeAll(async () => {
  server = await startServer({ models });
  client = createClient(server.address);
}, 30_000);

afterAll(async () => {
  client.close();
  await server.stop();
});

/** Rows that `simple` adds and subtracts: row i holds 16 times i, and 16 ones. */
function simple(first: number, rows: number) {
  const numbers = Int32Array.from({ length: rows * 16 }, (_, i) => first + Math.floor(i / 16));
  return {
    model: "simple",
    inputs: [tensor("INPUT0", numbers, [rows, 16]), tensor("INPUT1", new Int32Array(rows * 16).fill(1), [rows, 16])],
  };
}

test("a session gives every caller its own rows", async () => {
  const session = client.session();
  const results = await Promise.all(Array.from({ length: 500 }, (_, i) => session.predict(simple(i, 1 + (i % 3)))));
  await session.close();
  const sums = results.map(({ outputs }) => values(outputs[0]!, "INT32")[0]);
  expect(sums).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
});

test("an ordered session answers in the order of the requests", async () => {
  const session = client.session({ ordered: true });
  const order: number[] = [];
  await Promise.all(Array.from({ length: 100 }, (_, i) => session.predict(simple(i, 1)).then(() => order.push(i))));
  await session.close();
  expect(order).toEqual(Array.from({ length: 100 }, (_, i) => i));
});

test("a stream gives all rows in order, in chunks of the size asked for", async () => {
  const sums: number[] = [];
  for await (const chunk of client.predictStream(simple(0, 20), { chunkRows: 6 })) {
    expect(chunk).toMatchObject({ firstRow: sums.length, rowsTotal: 20 });
    const read = values(chunk.outputs[0]!, "INT32");
    for (let i = 0; i < read.length; i += 16) sums.push(read[i]!);
  }
  expect(sums).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
});

test("an upload equals a prediction", async () => {
  const features = tensor(
    "features",
    Float32Array.from({ length: 4000 * 20 }, (_, i) => i % 97),
    [4000, 20],
  );
  const request = { model: "fraud", inputs: [features] };
  const [uploaded, sent] = [await client.upload(request, { chunkBytes: 50_000 }), await client.predict(request)];
  expect(uploaded.outputs.map((output) => values(output))).toEqual(sent.outputs.map((output) => values(output)));
});

test("errors name field and stage, in a session as on a call of their own", async () => {
  const bad = { model: "simple", inputs: [tensor("INPUT0", new Int32Array(15), [1, 15])] };
  const session = client.session();
  const failures = [client.predict(bad), session.predict(bad)].map((promise) =>
    promise.then(
      () => undefined,
      (error: PredictdError) => error,
    ),
  );
  await session.close();
  for (const error of await Promise.all(failures)) {
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", retryable: false, stage: "validate" });
    expect(error!.violations.length).toBeGreaterThan(0);
  }
});

test("when the server goes, open sessions are told, finish and refuse what is new", async () => {
  const own = await startServer({ models });
  const other = createClient(own.address);
  const told = Promise.withResolvers<number>();
  const session = other.session({ onDrain: told.resolve });
  expect((await session.predict(simple(1, 1))).model).toBe("simple");
  const stopped = own.stop();
  expect(await told.promise).toBeGreaterThan(0);
  await expect(session.predict(simple(1, 1))).rejects.toMatchObject({ code: "UNAVAILABLE", reason: "SERVER_DRAINING", retryable: true });
  await session.close();
  other.close();
  expect(await stopped).toBe(0);
}, 30_000);
