// Any folder of ONNX models serves with nothing written by hand: what is read from odd files, and that they answer.

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import type { Model, ModelVersion } from "../../generated/predictd/v1/model.ts";
import { request } from "../support/clients.ts";
import {
  centreOverRows,
  differentSymbols,
  double,
  gather,
  identity,
  nonZero,
  optionalInput,
  passThrough,
  sumOverRows,
  zipMap,
} from "../support/models.ts";
import { startServer } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { floatsOf, fp32, int64sOf, shapeOf } from "../support/wire-tensors.ts";

const MODELS = {
  "bare.onnx": identity("float"),
  "folder/model.onnx": identity("float"),
  "versions/1/model.onnx": identity("float"),
  "versions/12/model.onnx": identity("float"),
  "versions/9/model.onnx": identity("float"),
  "v1.2-beta_3.onnx": identity("float"),
  "a b.onnx": identity("float"),
  "größe.onnx": identity("float"),
  "odd-names.onnx": identity("float", ["N", 4], { input: "the input/0:1 é", output: "constructor" }),
  "pass-through.onnx": passThrough(),
  "scalar.onnx": identity("float", []),
  "fixed.onnx": identity("float", [1, 4]),
  "no-symbol.onnx": identity("float", [null, 4]),
  "different-symbols.onnx": differentSymbols(),
  "free-width.onnx": double(),
  "square.onnx": identity("float", ["N", "N"]),
  "vector.onnx": gather(),
  "centre.onnx": centreOverRows(),
  "sum.onnx": sumOverRows(),
  "non-zero.onnx": nonZero(),
  "zip-map.onnx": zipMap(),
  "optional.onnx": optionalInput(),
  "README.md": "not a model",
  "notes/readme.txt": "nor is this folder",
};

let server: TestServer;
let models: ReadonlyMap<string, Model>;
beforeAll(async () => {
  server = await startServer({ models: MODELS });
  models = new Map((await server.listModels()).map((model) => [model.name, model]));
});
afterAll(() => server?.stop());

function version(model: string): ModelVersion {
  return models.get(model)!.versions[0]!;
}

const row = [1, 2, 3, 4];
const alone = (value: number) => [value, value, value, value];
const state = (model: string) => models.get(model)?.versions.map((one) => [one.version, one.state, one.reason]);
const READY = 3;

test("versions and names come from folders and files", () => {
  expect(state("bare")).toEqual([["1", READY, ""]]);
  expect(state("folder")).toEqual([["1", READY, ""]]);
  expect(state("v1.2-beta_3")).toEqual([["1", READY, ""]]);
  expect(state("versions")?.map(([number]) => number)).toEqual(["12", "9", "1"]);
  expect(models.get("versions")?.defaultVersion).toBe("12");
  expect([...models.keys()].filter((name) => /readme|notes/i.test(name))).toEqual([]);
});

test("a name that cannot be served is listed as failed, with the rule", () => {
  const odd = [...models.values()].filter(({ name }) => !/^[\w.-]+$/.test(name));

  expect(odd).toHaveLength(2);
  for (const model of odd) expect(model.problem).toMatch(/name/);
});

test.each(["bare", "folder", "versions", "v1.2-beta_3", "free-width", "vector", "zip-map", "optional", "pass-through", "no-symbol"])(
  "%s is batchable",
  (model) => {
    expect(version(model)).toMatchObject({ state: READY, batching: { enabled: true, maxBatchSize: 32 } });
    expect(version(model).batching?.source).not.toBe("");
  },
);

test.each(["scalar", "fixed", "different-symbols", "square", "centre", "sum", "non-zero"])(
  "%s is served without batching, and says why",
  (model) => {
    expect(version(model)).toMatchObject({ state: READY, batching: { enabled: false } });
    expect(version(model).batching?.source).toMatch(/[a-z]{3}/);
  },
);

test("signatures show names, types, fixed lengths and symbols", () => {
  expect(version("free-width").inputs).toMatchObject([
    {
      name: "X",
      dims: [
        { size: -1n, symbol: "N" },
        { size: -1n, symbol: "W" },
      ],
    },
  ]);
  expect(version("fixed").outputs).toMatchObject([
    {
      name: "Y",
      dims: [
        { size: 1n, symbol: "" },
        { size: 4n, symbol: "" },
      ],
    },
  ]);
  expect(version("no-symbol").inputs).toMatchObject([{ dims: [{ size: -1n, symbol: "" }, { size: 4n }] }]);
  expect(version("scalar").inputs).toMatchObject([{ name: "X", dims: [] }]);
  expect(version("optional").inputs.map(({ name }) => name)).toEqual(["X"]);
  expect(version("zip-map").outputs.map(({ name }) => name)).toEqual(["LABEL"]);
  expect(version("odd-names").inputs[0]?.name).toBe("the input/0:1 é");
});

async function answer(model: string, input: readonly number[], shape: readonly number[], name = "X") {
  const { response, failure } = await server.predict(request(model, [fp32(name, shape, input)]));
  expect(failure).toBeUndefined();
  return response!.outputs[0]!;
}

test("all of them answer", async () => {
  for (const model of ["bare", "folder", "versions", "v1.2-beta_3", "pass-through", "fixed", "no-symbol"]) {
    expect(floatsOf(await answer(model, row, [1, 4]))).toEqual(row);
  }
  expect((await answer("odd-names", row, [1, 4], "the input/0:1 é")).name).toBe("constructor");
  expect(await answer("scalar", [7], [])).toMatchObject({ shape: [] });
  expect(floatsOf(await answer("optional", row, [1, 4]))).toEqual([11, 12, 13, 14]);
  expect(int64sOf(await answer("zip-map", [1, 3, 2, 5, 4, 3], [2, 3]))).toEqual([1n, 0n]);
  expect(floatsOf(await answer("free-width", row, [2, 2]))).toEqual([2, 4, 6, 8]);
});

test("a width of zero is a shape like any other", async () => {
  const output = await answer("free-width", [], [3, 0]);

  expect(shapeOf(output)).toEqual([3, 0]);
  expect(output.raw).toHaveLength(0);
});

test("one symbol for both dimensions means a square, alone and beside others", async () => {
  const squares = [1, 2, 3, 2, 1].map((size) => answer("square", [...Array(size * size).keys()], [size, size]));

  expect((await Promise.all(squares)).map((output) => shapeOf(output))).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
    [2, 2],
    [1, 1],
  ]);
  expect((await server.predict(request("square", [fp32("X", [1, 2], [1, 2])]))).failure?.reason).toBe("INPUT_SHAPE_MISMATCH");
});

test("where rows depend on each other, callers that come together do not", async () => {
  const answers = await Promise.all(
    [...Array(24).keys()].map(async (i) => [
      floatsOf(await answer("centre", [...alone(i), ...alone(i + 2)], [2, 4])),
      floatsOf(await answer("sum", [...alone(i), ...alone(1)], [2, 4])),
      shapeOf(await answer("non-zero", [0, i + 1, 0, 0], [1, 4])),
    ]),
  );

  answers.forEach(([centred, summed, found], i) => {
    expect(centred).toEqual([...alone(-1), ...alone(1)]);
    expect(summed).toEqual(alone(i + 1));
    expect(found).toEqual([1, 2]);
  });
});
