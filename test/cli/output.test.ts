// Results as tables, JSON and CSV.

import { PassThrough } from "node:stream";
import { expect, test } from "@jest/globals";
import { csvHead, csvRows } from "../../src/cli/output/csv-output.ts";
import { tabulate } from "../../src/cli/output/human-output.ts";
import { renderTable } from "../../src/cli/output/table.ts";
import { tensorToJson } from "../../src/cli/output/json-output.ts";
import { renderPredictdError } from "../../src/cli/print-error.ts";
import { PredictdError } from "../../src/client/error.ts";
import type { PredictResult } from "../../src/client/prediction.ts";
import { tensor } from "../../src/client/tensors.ts";
import { spec } from "./support/specs.ts";

const animals = spec("p", "FP32", [-1, 4], { labels: ["cat", "dog", "ant", "bee"] });

test.each([
  ["the top three classes", tensor("p", [[0.1, 0.2, 0.3, 0.4]]), animals, [["1", "bee 0.4", "ant 0.3", "dog 0.2"]]],
  ["a class index by its name", tensor("l", [1n]), spec("l", "INT64", [-1], { labels: ["no", "yes"] }), [["1", "yes"]]],
  [
    "a value for each row",
    tensor("s", [0.5, 1e-9]),
    undefined,
    [
      ["1", "0.5"],
      ["2", "1e-9"],
    ],
  ],
  ["named columns", tensor("x", [[1, 2]]), spec("x", "FP32", [-1, 2], { columns: ["a", "b"] }), [["1", "1", "2"]]],
  [
    "the first values of many",
    tensor("x", [Array.from({ length: 20 }, (_, i) => i)]),
    undefined,
    [["1", "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, … (20 values)"]],
  ],
  ["texts without their control characters", tensor("t", ["a\u001b[2Jb"]), undefined, [["1", "a\\u001b[2Jb"]]],
  ["booleans", tensor("b", [true]), undefined, [["1", "true"]]],
  ["half precision as numbers", tensor("h", [1.5], [1], "FP16"), undefined, [["1", "1.5"]]],
  ["a scalar", tensor("n", 3), undefined, [["1", "3"]]],
])("a table shows %s", (_, output, outputSpec, rows) => {
  expect(tabulate(output, outputSpec).rows).toEqual(rows);
});

test("a table stops after 20 rows and says how many there are", () => {
  const { rows, total } = tabulate(
    tensor(
      "x",
      Array.from({ length: 50 }, () => 0),
    ),
    undefined,
  );
  expect([rows.length, total]).toEqual([20, 50]);
});

test("a table without a terminal has no escape sequences and no trailing blanks", () => {
  expect(
    renderTable(
      ["a", "b"],
      [
        ["1", "2"],
        ["333", ""],
      ],
      new PassThrough(),
      {},
    ),
  ).toBe("a    b\n1    2\n333");
});

test.each([
  [
    "nested by the shape",
    tensor(
      "x",
      [
        [1, 2],
        [3, 4],
      ],
      undefined,
      "INT32",
    ),
    [
      [1, 2],
      [3, 4],
    ],
  ],
  ["large integers as strings", tensor("x", [2n ** 53n, 5n]), ["9007199254740992", 5]],
  ["NaN and infinities as strings", tensor("x", [NaN, -Infinity, 0.5]), ["NaN", "-Infinity", 0.5]],
  ["booleans as booleans", tensor("x", [true, false]), [true, false]],
  ["an empty dimension", tensor("x", [[], []]), [[], []]],
])("JSON: %s", (_, output, expected) => {
  expect(tensorToJson(output)).toEqual(expected);
});

test("CSV has the row's number and a column for each value, by class or number", () => {
  const timings = { routeUs: 0, validateUs: 0, admitUs: 0, queueUs: 0, batchUs: 0, runUs: 0, postprocessUs: 0, totalUs: 0 };
  const outputs = [
    tensor("label", [7n, 8n]),
    tensor("p", [
      [0.5, 0.25, 0.25, 0],
      [1, 0, 0, 0],
    ]),
    tensor("v", [
      [1, 2],
      [3, 4],
    ]),
  ];
  const result: PredictResult = { model: "m", version: "1", requestId: "", batchRows: 2, timings, outputs };
  expect(csvHead(result, [animals])).toEqual(["row", "label", "p.cat", "p.dog", "p.ant", "p.bee", "v.0", "v.1"]);
  expect(csvRows(result, 41)).toEqual([
    ["41", "7", "0.5", "0.25", "0.25", "0", "1", "2"],
    ["42", "8", "1", "0", "0", "0", "3", "4"],
  ]);
});

test("an error is one block: code, reason, stage, message, violations, when to retry", () => {
  const error = new PredictdError("RESOURCE_EXHAUSTED", "QUEUE_FULL", "The queue is full.", {
    violations: [{ field: "inputs[0]", description: "too many rows" }],
    metadata: { stage: "admit" },
    retryAfterMs: 4.2,
  });
  expect(renderPredictdError(error)).toBe(
    "error: RESOURCE_EXHAUSTED (QUEUE_FULL) at stage admit\n  The queue is full.\n  - inputs[0]: too many rows\n  Try again in 5 ms.\n",
  );
});
