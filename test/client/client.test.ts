// The client against a server whose outcomes the test chooses.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { PredictdClient } from "../../src/client/client.ts";
import { createClient, PredictdError, tensor, values } from "../../src/client/client.ts";
import type { FakeServer } from "./support/fake-server.ts";
import { startFakeServer } from "./support/fake-server.ts";

let server: FakeServer;
let client: PredictdClient;

beforeAll(async () => {
  server = await startFakeServer();
  client = createClient(server.address);
});

afterAll(() => {
  client.close();
  server.close();
});

const x = tensor("x", [[1, 2, 3, 4]]);

/** The PredictdError that a promise is rejected with. */
async function failure(promise: Promise<unknown>): Promise<PredictdError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PredictdError);
  return error as PredictdError;
}

describe("predict", () => {
  test("sends inputs and gives outputs, timings and the request's id", async () => {
    const result = await client.predict({ model: "echo", version: "3", requestId: "r", inputs: [x, tensor("s", ["ä", ""])] });
    expect(result).toMatchObject({ model: "echo", version: "3", requestId: "r", batchRows: 1, timings: { queueUs: 40, runUs: 600 } });
    expect(result.outputs.map((output) => [output.name, output.dtype, output.shape])).toEqual([
      ["x", "FP32", [1, 4]],
      ["s", "STRING", [2]],
    ]);
    expect(values(result.outputs[0]!, "FP32")).toEqual(new Float32Array([1, 2, 3, 4]));
    expect(values(result.outputs[1]!, "STRING")).toEqual(["ä", ""]);
  });

  test("64-bit integers keep every bit", async () => {
    const result = await client.predict({ model: "echo", inputs: [tensor("i", [2n ** 53n + 1n, -(2n ** 63n)])] });
    expect(values(result.outputs[0]!, "INT64")).toEqual(new BigInt64Array([2n ** 53n + 1n, -(2n ** 63n)]));
  });

  test("a message above gRPC's default of 4 MiB passes both ways", async () => {
    const large = tensor("large", new Float32Array(1_500_000).fill(0.5), [1, 1_500_000]);
    const result = await client.predict({ model: "echo", inputs: [large] });
    expect(result.outputs[0]!.raw.byteLength).toBe(6_000_000);
  });
});

describe("errors", () => {
  test.each([
    [
      "missing",
      {
        code: "NOT_FOUND",
        reason: "MODEL_NOT_FOUND",
        retryable: false,
        metadata: { model: "missing" },
        resource: { type: "model", name: "missing" },
      },
    ],
    [
      "bad",
      {
        code: "INVALID_ARGUMENT",
        reason: "INPUT_SHAPE_MISMATCH",
        retryable: false,
        message: "The inputs do not fit the signature.",
        violations: [{ field: 'inputs["x"].shape[1]', description: "must be 4, not 3" }],
      },
    ],
    ["busy", { code: "RESOURCE_EXHAUSTED", reason: "QUEUE_FULL", retryable: true, retryAfterMs: 5, stage: "admit" }],
    ["garbled", { code: "INTERNAL", reason: "", retryable: false, message: "A bug." }],
  ])("model %s: the details are read, on a call of its own and in a session", async (model, expected) => {
    expect(await failure(client.predict({ model, inputs: [x] }))).toMatchObject(expected);
    const session = client.session();
    const inBand = failure(session.predict({ model, inputs: [x] }));
    expect(await inBand).toMatchObject(expected);
    await session.close();
  });

  test("a server that is not there is UNAVAILABLE and retryable", async () => {
    const nobody = createClient({ address: "127.0.0.1:1" });
    expect(await failure(nobody.listModels())).toMatchObject({ code: "UNAVAILABLE", reason: "", retryable: true });
    nobody.close();
  });

  test.each([
    ["an empty address", () => createClient("")],
    ["a deadline of 0", () => createClient({ address: "127.0.0.1:1", defaultDeadlineMs: 0 })],
  ])("%s is refused at once", (_, act) => {
    expect(act).toThrow(PredictdError);
  });
});

describe("deadline and cancellation", () => {
  test("timeoutMs ends a call with DEADLINE_EXCEEDED", async () => {
    expect(await failure(client.predict({ model: "hang", inputs: [] }, { timeoutMs: 50 }))).toMatchObject({
      code: "DEADLINE_EXCEEDED",
      reason: "DEADLINE_EXCEEDED",
    });
  });

  test("the client's own default holds where a call names none", async () => {
    const hasty = createClient({ address: server.address, defaultDeadlineMs: 50 });
    expect(await failure(hasty.predict({ model: "hang", inputs: [] }))).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    hasty.close();
  });

  test("a signal cancels the call at the server, and its reason is the cause", async () => {
    const own = await startFakeServer();
    const other = createClient(own.address);
    const abort = new AbortController();
    const failed = failure(other.predict({ model: "hang", inputs: [] }, { signal: abort.signal }));
    await own.hanging;
    abort.abort("changed my mind");
    expect(await failed).toMatchObject({ code: "CANCELLED", reason: "CANCELLED", cause: "changed my mind" });
    await own.cancelled;
    other.close();
    own.close();
  });

  test("a signal that has fired sends nothing", async () => {
    const before = server.requests.length;
    expect(await failure(client.predict({ model: "echo", inputs: [] }, { signal: AbortSignal.abort() }))).toMatchObject({
      code: "CANCELLED",
    });
    expect(server.requests).toHaveLength(before);
  });
});

describe("predictStream", () => {
  test("gives the chunks in row order", async () => {
    const rows: (readonly number[])[] = [];
    for await (const chunk of client.predictStream({ model: "echo", inputs: [x] }, { chunkRows: 1 })) {
      rows.push([chunk.firstRow, chunk.rowsDone, chunk.rowsTotal]);
    }
    expect(rows).toEqual([
      [0, 1, 3],
      [1, 2, 3],
      [2, 3, 3],
    ]);
  });

  test("a failure comes after the chunks that were sent before it", async () => {
    let seen = 0;
    const read = async (): Promise<void> => {
      for await (const chunk of client.predictStream({ model: "bad", inputs: [x] })) seen = chunk.rowsDone;
    };
    expect(await failure(read())).toMatchObject({ reason: "INPUT_SHAPE_MISMATCH" });
    expect(seen).toBe(2);
  });

  test("leaving the loop cancels the call at the server", async () => {
    const own = await startFakeServer();
    const other = createClient(own.address);
    for await (const chunk of other.predictStream({ model: "endless", inputs: [x] })) if (chunk.rowsDone >= 3) break;
    await own.cancelled;
    other.close();
    own.close();
  });
});

describe("upload", () => {
  test("sends the largest input in chunks of the size asked for", async () => {
    const large = tensor("large", new Int32Array(10_000).fill(7), [1, 10_000]);
    const result = await client.upload({ model: "echo", inputs: [x, large] }, { chunkBytes: 16_384 });
    // The fake server reports chunks as batchRows and the declared bytes as the request's id.
    expect(result).toMatchObject({ batchRows: 3, requestId: "40000" });
    expect(values(result.outputs[1]!, "INT32")).toEqual(new Int32Array(10_000).fill(7));
    expect(values(result.outputs[0]!, "FP32")).toEqual(new Float32Array([1, 2, 3, 4]));
  });

  test("a server that refuses in the middle ends the upload", async () => {
    const large = tensor("large", new Uint8Array(32 * 1024 * 1024));
    expect(await failure(client.upload({ model: "busy", inputs: [large] }))).toMatchObject({ reason: "QUEUE_FULL" });
  });

  test("a request without raw bytes cannot be uploaded", async () => {
    expect(await failure(client.upload({ model: "echo", inputs: [tensor("s", ["a"])] }))).toMatchObject({ reason: "INPUT_MISSING" });
  });
});

describe("models and health", () => {
  test("listModels and getModel give signatures in the client's own types", async () => {
    expect((await client.listModels()).map(({ name }) => name)).toEqual(["broken", "digits", "fraud", "pair", "simple", "toxicity"]);
    const digits = await client.getModel("digits");
    expect(digits.versions[0]).toMatchObject({
      state: "ready",
      inputs: [{ name: "image", dtype: "FP32", dims: [{ size: -1, symbol: "N" }, { size: 1 }, { size: 8 }, { size: 8 }] }],
      warmup: [{ rows: 1, runs: 5, meanUs: 120, p95Us: 150 }],
      statistics: { okCount: 3 },
    });
    expect(await failure(client.getModel("nothing"))).toMatchObject({ code: "NOT_FOUND" });
  });

  test("health asks once, watchHealth follows every change", async () => {
    expect([await client.health(), await client.health("asleep")]).toEqual(["SERVING", "NOT_SERVING"]);
    expect(await failure(client.health("nobody"))).toMatchObject({ code: "NOT_FOUND" });
    const states = client.watchHealth();
    expect((await states.next()).value).toBe("NOT_SERVING");
    server.setServing(true);
    expect((await states.next()).value).toBe("SERVING");
    await states.return();
  });
});
