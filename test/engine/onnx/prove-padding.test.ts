// Which models padding leaves alone, as trial runs show it.

import { expect, test } from "@jest/globals";
import type { EngineRequest } from "../../../src/engine/engine.ts";
import { provePadding } from "../../../src/engine/onnx/prove-padding.ts";
import type { BatchOutcome } from "../../../src/engine/scheduler/executor.ts";

const BUCKETS = [4, 16, 64];
const SIGNATURE = { inputs: [], outputs: [{ name: "y", dtype: "INT32" as const, dims: [], description: "", columns: [], labels: [] }] };

/** What a model gives for one row of real and padded positions. */
type Model = (length: number, paddedLength: number) => { readonly shape: readonly number[]; readonly values: readonly number[] };

/** Its rows tell its length here. */
function requestOf(length: number, paddedLength?: number): EngineRequest {
  return {
    inputs: [],
    rows: length,
    shapeKey: "",
    padding: paddedLength === undefined ? undefined : { length, paddedLength },
    outputs: [0],
    priority: 0,
    queueTimeoutMs: 0,
  };
}

/** Rows of one run are as long as the longest. */
function prove(model: Model) {
  const lengths: number[][] = [];
  const run = (requests: readonly EngineRequest[]): Promise<BatchOutcome> => {
    const padded = requests.map(({ rows, padding }) => padding ?? { length: rows, paddedLength: rows });
    lengths.push(padded.map(({ length, paddedLength }) => (length === paddedLength ? length : -paddedLength)));
    const rows = padded.map(({ length, paddedLength }) => model(length, paddedLength));
    const bytes = new Uint8Array(Int32Array.from(rows.flatMap(({ values }) => values)).buffer);
    return Promise.resolve({ outputs: [{ dtype: "INT32", shape: [rows.length, ...rows[0]!.shape], bytes }], runMs: 1 });
  };
  return provePadding(SIGNATURE, BUCKETS, requestOf, run).then((proof) => ({ proof, lengths }));
}

const count = (length: number): number[] => Array.from({ length }, (_, i) => i + 1);

test("one value a row, the same however far it is padded; the largest run comes first", async () => {
  const { proof, lengths } = await prove((length) => ({ shape: [1], values: [length] }));
  expect(proof).toEqual({ outputDims: [[]] });
  expect(lengths).toEqual([[-64], [2], [3], [-4, -4]]);
});

test("one value a position", async () => {
  const { proof } = await prove((_, paddedLength) => ({ shape: [paddedLength], values: count(paddedLength) }));
  expect(proof).toEqual({ outputDims: [[1]] });
});

test("one value for each two positions", async () => {
  const { proof } = await prove((_, paddedLength) => ({
    shape: [paddedLength, paddedLength],
    values: count(paddedLength).flatMap((a) => count(paddedLength).map((b) => 1000 * a + b)),
  }));
  expect(proof).toEqual({ outputDims: [[1, 2]] });
});

test.each<[string, Model, string]>([
  [
    "an answer that counts the padding",
    (_, paddedLength) => ({ shape: [1], values: [paddedLength] }),
    'padding changes answers: output "y" of a row differs when the row is padded',
  ],
  [
    "positions that see the padding behind them",
    (_, paddedLength) => ({ shape: [paddedLength], values: count(paddedLength).toReversed() }),
    'padding changes answers: output "y" of a row differs when the row is padded',
  ],
  [
    "one value more than there are positions",
    (_, paddedLength) => ({ shape: [paddedLength + 1], values: count(paddedLength + 1) }),
    'output "y" changes its shape with the length, but is not as long as it',
  ],
])("%s: padding is off", async (_, model, whyNot) => {
  expect((await prove(model)).proof).toEqual({ whyNot });
});

test("a model that cannot run at the largest length is not padded, as shorter requests would be padded to it", async () => {
  const { proof } = await prove((length, paddedLength) => {
    if (paddedLength > 32) throw new Error("no such position");
    return { shape: [1], values: [length] };
  });
  expect(proof).toEqual({ whyNot: "a trial run of length 64 (padding.maxLength) failed" });
});
