// The bundled models answer what they answered when they were made, and serving them writes nothing and calls nobody.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { DataType } from "../../generated/predictd/v1/tensor.ts";
import type { Tensor } from "../../generated/predictd/v1/tensor.ts";
import { request } from "../support/clients.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { floatsOf, fp32, int64, int64sOf, raw, text } from "../support/wire-tensors.ts";

const FIXTURES = new URL("../fixtures/models/", import.meta.url);

interface FixtureTensor {
  readonly dtype: "FP32" | "INT32" | "INT64" | "STRING";
  readonly shape: readonly number[];
  readonly data: readonly (number | string)[];
}

interface Fixture {
  readonly model: string;
  readonly version: string;
  readonly tolerance: number;
  readonly cases: readonly {
    readonly inputs: Readonly<Record<string, FixtureTensor>>;
    readonly outputs: Readonly<Record<string, FixtureTensor>>;
  }[];
}

const fixtures = readdirSync(FIXTURES)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(new URL(name, FIXTURES), "utf8")) as Fixture);

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ models: fileURLToPath(new URL("../../models", import.meta.url)) });
});
afterAll(() => server?.stop());

function toTensor(name: string, { dtype, shape, data }: FixtureTensor): Tensor {
  if (dtype === "STRING") return text(name, shape, data.map(String));
  if (dtype === "INT64") return int64(name, shape, data.map(Number));
  if (dtype === "INT32") return raw(name, dtype, shape, new Uint8Array(Int32Array.from(data, Number).buffer));
  return fp32(name, shape, data.map(Number));
}

function valuesOf(tensor: Tensor): readonly (number | string)[] {
  if (tensor.dataType === DataType.DATA_TYPE_STRING) return tensor.strings;
  if (tensor.dataType === DataType.DATA_TYPE_INT64) return int64sOf(tensor).map(Number);
  if (tensor.dataType === DataType.DATA_TYPE_INT32) return [...new Int32Array(Uint8Array.from(tensor.raw).buffer)];
  return floatsOf(tensor);
}

describe.each(fixtures)("$model, version $version", ({ model, version, tolerance, cases }) => {
  test.each([...cases.entries()])("case %i", async (_index, { inputs, outputs }) => {
    const names = Object.keys(outputs);
    const tensors = Object.entries(inputs).map(([name, tensor]) => toTensor(name, tensor));
    const { response, failure } = await server.predict(request(model, tensors, { version, outputs: names }));

    expect(failure).toBeUndefined();
    expect(response).toMatchObject({ model, version });
    for (const [i, name] of names.entries()) {
      const [got, expected] = [response!.outputs[i]!, outputs[name]!];
      expect(got).toMatchObject({ name, shape: expected.shape.map(BigInt), dataType: DataType[`DATA_TYPE_${expected.dtype}`] });
      for (const [at, value] of valuesOf(got).entries()) {
        const wanted = expected.data[at]!;
        // 64-bit integers stand as text in the fixtures.
        if (typeof value === "string") expect(value).toBe(wanted);
        else expect(Math.abs(value - Number(wanted))).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(value)));
      }
    }
  });
});

test("every bundled model is ready, batchable and tried by a fixture", async () => {
  const models = await server.listModels();
  const shown = models.flatMap(({ name, versions }) => versions.map(({ version }) => `${name}-${version}`));

  expect(shown.toSorted()).toEqual(fixtures.map(({ model, version }) => `${model}-${version}`).toSorted());
  for (const { versions } of models) {
    for (const version of versions) {
      expect(version).toMatchObject({ state: 3, reason: "", batching: { enabled: true }, execution: { kind: "thread", provider: "cpu" } });
      expect(version.warmup.length).toBeGreaterThan(0);
    }
  }
});

test("nothing is written to HOME", async () => {
  expect(await readdir(server.home, { recursive: true })).toEqual([]);
});

const onLinux = process.platform === "linux" ? test : test.skip;
onLinux("nothing is connected to but by callers", () => {
  const inodes = new Set(
    readdirSync(`/proc/${server.pid}/fd`).map((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${server.pid}/fd/${fd}`))?.[1];
      } catch {
        return undefined;
      }
    }),
  );
  const port = server.address.split(":")[1];
  const strangers = ["tcp", "tcp6", "udp", "udp6"]
    .flatMap((table) => readFileSync(`/proc/${server.pid}/net/${table}`, "utf8").split("\n").slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[9] !== undefined && inodes.has(columns[9]))
    .filter((columns) => Number.parseInt(columns[1]!.split(":")[1]!, 16) !== Number(port));

  expect(strangers).toEqual([]);
});
