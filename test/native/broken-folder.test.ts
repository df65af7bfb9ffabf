// A folder with models that cannot be served: the others serve, and ListModels, health and calls say which and why.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import type { Model } from "../../generated/predictd/v1/model.ts";
import { brokenModels } from "../support/broken-models.ts";
import { request } from "../support/clients.ts";
import { identity } from "../support/models.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { floatsOf, fp32 } from "../support/wire-tensors.ts";

const READY = 3;
const FAILED = 6;
const BROKEN = brokenModels();
const INPUTS = [fp32("X", [1, 4], [1, 2, 3, 4])];

let server: TestServer;
let models: ReadonlyMap<string, Model>;
beforeAll(async () => {
  server = await startServer({
    models: {
      ...Object.fromEntries(Object.entries(BROKEN).map(([name, bytes]) => [`${name}.onnx`, bytes])),
      "good.onnx": identity("float"),
      "half/1/model.onnx": identity("float"),
      "half/2/model.onnx": BROKEN["truncated"]!,
      "bad-yaml/model.onnx": identity("float"),
      "bad-yaml/model.yaml": "maxBatchSize: -1\nmaxQueueDelay: 5\ninstances: many\n",
    },
  });
  models = new Map((await server.listModels()).map((model) => [model.name, model]));
});
afterAll(() => server?.stop());

test("the others serve, and the server is SERVING", async () => {
  expect(floatsOf((await server.predict(request("good", INPUTS))).response?.outputs[0])).toEqual([1, 2, 3, 4]);
  expect(await server.check("")).toBe("SERVING");
  expect(await server.check("good")).toBe("SERVING");
});

describe.each([...Object.keys(BROKEN), "bad-yaml"])("%s", (name) => {
  test("ListModels shows it as failed, with the reason and without a path", () => {
    const [version] = models.get(name)!.versions;

    expect(version?.state).toBe(FAILED);
    expect(version?.reason).toMatch(/[a-z]{3}/);
    expect(version?.reason).not.toMatch(/predictd-test|\.ts\b|\n/);
    expect(version?.reason).not.toContain(server.modelDir);
    expect(models.get(name)?.defaultVersion).toBe("");
  });

  test("health is NOT_SERVING", async () => expect(await server.check(name)).toBe("NOT_SERVING"));

  test("a call says that it is not ready", async () => {
    const { failure } = await server.predict(request(name, INPUTS));

    expect(failure).toMatchObject({ code: "UNAVAILABLE", reason: "MODEL_NOT_READY" });
    expect(failure?.message).not.toContain(server.modelDir);
  });
});

test("a bad model.yaml has every bad key named", () => {
  const reason = models.get("bad-yaml")?.versions[0]?.reason ?? "";

  for (const key of ["maxBatchSize", "maxQueueDelay", "instances"]) expect(reason).toContain(key);
});

test("one bad version leaves the other one serving", async () => {
  expect(models.get("half")?.versions.map(({ version, state }) => [version, state])).toEqual([
    ["2", FAILED],
    ["1", READY],
  ]);
  expect(models.get("half")?.defaultVersion).toBe("1");
  expect((await server.predict(request("half", INPUTS))).response?.version).toBe("1");
  expect((await server.predict(request("half", INPUTS, { version: "2" }))).failure?.reason).toBe("MODEL_NOT_READY");
  expect(await server.check("half")).toBe("SERVING");
});
