// What the setting `compat: triton` changes for callers, and that it changes nothing else.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { InferParameter } from "../../generated/inference/grpc_service.ts";
import type { CatalogueEntry } from "../../src/errors.ts";
import { ERRORS } from "../../src/errors.ts";
import { request } from "../support/clients.ts";
import { centreOverRows, identity, slow } from "../support/models.ts";
import type { OipClient } from "../support/oip-client.ts";
import { createOipClient, fp32Input, inferRequest } from "../support/oip-client.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { floatsOf, fp32, shapeOf } from "../support/wire-tensors.ts";

const SLOW = `max_batch_size: 1 instance_group { count: 1 kind: KIND_CPU }
  input { name: "X" data_type: TYPE_FP32 dims: 2 } output { name: "Y" data_type: TYPE_FP32 dims: 2 }`;
const queue = (policy: string): string => `${SLOW} dynamic_batching { default_queue_policy { ${policy} } }`;

const FILES = {
  "four/model.onnx": identity("float"),
  "four/model.yaml": "maxBatchSize: 4\n",
  "together/model.onnx": centreOverRows(),
  "together/model.yaml": "maxBatchSize: 4\n",
  "full/1/model.onnx": slow(),
  "full/config.pbtxt": queue("max_queue_size: 1"),
  "timed/1/model.onnx": slow(),
  "timed/config.pbtxt": queue("default_timeout_microseconds: 60000000 allow_timeout_override: true"),
  "untimed/1/model.onnx": slow(),
  "untimed/config.pbtxt": queue("allow_timeout_override: true"),
};

test("UNAVAILABLE says that somebody else should be asked; with the switch overload and queue timeouts say so too", () => {
  const entries = Object.entries<CatalogueEntry>(ERRORS);
  const named = (is: (entry: CatalogueEntry) => boolean): string[] => entries.flatMap(([reason, entry]) => (is(entry) ? reason : []));
  expect(named(({ code }) => code === "UNAVAILABLE")).toEqual(["MODEL_NOT_READY", "WORKER_LOST", "MODEL_STALLED", "SERVER_DRAINING"]);
  expect(named(({ tritonCode }) => tritonCode !== undefined)).toEqual(["QUEUE_FULL", "DEADLINE_UNREACHABLE", "QUEUE_TIMEOUT"]);
});

/** About a tenth of a millisecond each. */
const BUSY_STEPS = 3000;

function steps(model: string, count: number, parameters: Record<string, InferParameter> = {}) {
  return { ...inferRequest(model, "", [fp32Input("X", [1, 2], [count, 0])]), parameters };
}

const SHORT: Record<string, InferParameter> = { timeout: { parameterChoice: { $case: "int64Param", value: 1000n } } };

describe.each(["off", "triton"])("compat %s", (compat) => {
  const isTriton = compat === "triton";
  let server: TestServer;
  let client: OipClient;
  beforeAll(async () => {
    server = await startServer({ models: FILES, flags: ["--compat", compat, "--warmup-budget-ms", "50"] });
    client = createOipClient(server.address);
  });
  afterAll(async () => {
    client?.close();
    await server?.stop();
  });

  /** Keeps the one instance busy: with a run, and with one that is handed over behind it. @returns failures, of which there should be none. */
  async function busy(model: string): Promise<unknown[]> {
    const answers = await Promise.all([1, 2].map(() => client.infer(steps(model, BUSY_STEPS))));
    return answers.flatMap(({ failure }) => failure ?? []);
  }

  test("a queue that is full", async () => {
    const running = client.infer(steps("full", BUSY_STEPS));
    const more = await Promise.all([1, 2, 3, 4].map(() => client.infer(steps("full", 1))));
    const failures = more.flatMap(({ failure }) => failure ?? []);
    expect(failures.length).toBeGreaterThanOrEqual(2);
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: isTriton ? "UNAVAILABLE" : "RESOURCE_EXHAUSTED", reason: "QUEUE_FULL" });
      expect(failure.retryDelayMs).toBeGreaterThan(0);
      if (isTriton) expect(failure.message).toBe("Exceeds maximum queue size");
    }
    expect((await running).failure).toBeUndefined();
  });

  test("a queue timeout", async () => {
    const running = busy("timed");
    const { failure } = await client.infer(steps("timed", 1, SHORT));
    expect(failure).toMatchObject({ code: isTriton ? "UNAVAILABLE" : "DEADLINE_EXCEEDED", reason: "QUEUE_TIMEOUT" });
    if (isTriton) expect(failure!.message).toBe("Request timeout expired");
    expect(await running).toEqual([]);
  });

  test("a request's timeout where the model has none", async () => {
    const running = busy("untimed");
    const { failure } = await client.infer(steps("untimed", 1, SHORT));
    expect(failure?.reason).toBe(isTriton ? undefined : "QUEUE_TIMEOUT");
    expect(await running).toEqual([]);
  });

  test("more rows than a run takes", async () => {
    const rows = fp32("X", [5, 4], Array<number>(20).fill(1));
    const { response, failure } = await server.predict(request("four", [rows]));
    if (isTriton) expect(failure).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INPUT_SHAPE_MISMATCH" });
    else expect(response?.outputs).toHaveLength(1);
    expect((await server.predict(request("four", [fp32("X", [4, 4], Array<number>(16).fill(1))]))).failure).toBeUndefined();
  });

  test("a stream of more rows than a run takes: each chunk is checked, not the whole", async () => {
    const counted = [...Array(48).keys()];
    const { chunks, failure } = await server.predictStream(request("four", [fp32("X", [12, 4], counted)]), 3);
    expect(failure).toBeUndefined();
    expect(chunks.map(({ response }) => shapeOf(response?.outputs[0]))).toEqual([0, 1, 2, 3].map(() => [3, 4]));
    expect(chunks.flatMap(({ response }) => floatsOf(response?.outputs[0]))).toEqual(counted);
    // Larger chunks than a run takes are cut as without the switch.
    const { chunks: large } = await server.predictStream(request("four", [fp32("X", [6, 4], counted.slice(0, 24))]), 5);
    expect(large.map(({ response }) => shapeOf(response?.outputs[0])[0])).toEqual([4, 2]);
  });

  test("rows that influence each other stay together in a stream too", async () => {
    const { failure } = await server.predictStream(request("together", [fp32("X", [6, 4], Array<number>(24).fill(1))]), 2);
    expect(failure).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INPUT_SHAPE_MISMATCH" });
    const { chunks } = await server.predictStream(request("together", [fp32("X", [4, 4], Array<number>(16).fill(1))]), 2);
    expect(chunks.map(({ rowsDone }) => rowsDone)).toEqual([4n]);
  });

  test("what else can go wrong is told as ever", async () => {
    const told = [
      await server.predict(request("nobody", [])),
      await server.predict(request("four", [fp32("X", [1, 3], [1, 2, 3])])),
      await server.predict(request("full", [fp32("X", [1, 2], [BUSY_STEPS, 0])]), { timeoutMs: 30 }),
    ];
    expect(told.map(({ failure }) => failure?.code)).toEqual(["NOT_FOUND", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED"]);
  });
});
