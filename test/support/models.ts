// Small ONNX models, one for each odd thing a model folder may hold.

import { buildModel } from "./onnx/build-model.ts";
import { bools, floats, int64s } from "./onnx/tensors.ts";
import type { OnnxDim, OnnxType, TensorInfo } from "./onnx/types.ts";

function rowsOfFour(name: string, symbol = "N"): TensorInfo {
  return { name, type: "float", dims: [symbol, 4] };
}

/** `Y = X`. Names and dims as wanted; by default X and Y [N, 4]. */
export function identity(type: OnnxType, dims: readonly OnnxDim[] = ["N", 4], names: { input?: string; output?: string } = {}): Uint8Array {
  const { input = "X", output = "Y" } = names;
  return buildModel({
    inputs: [{ name: input, type, dims }],
    outputs: [{ name: output, type, dims }],
    nodes: [{ op: "Identity", inputs: [input], outputs: [output] }],
  });
}

/** A graph without nodes whose output is its input, under one name: X [N, 4]. */
export function passThrough(): Uint8Array {
  const value = { name: "X", type: "float", dims: ["N", 4] } as const;
  return buildModel({ inputs: [value], outputs: [value], nodes: [] });
}

/** `Y = 2 X` for X [N, W] of any width. */
export function double(): Uint8Array {
  const dims = ["N", "W"];
  return buildModel({
    inputs: [{ name: "X", type: "float", dims }],
    outputs: [{ name: "Y", type: "float", dims }],
    nodes: [{ op: "Add", inputs: ["X", "X"], outputs: ["Y"] }],
  });
}

/** `SUM = A + B` and `DIFFERENCE = A - B`, all of the same dims. */
export function sumAndDifference(dims: readonly OnnxDim[] = ["N", 4]): Uint8Array {
  const value = (name: string) => ({ name, type: "float", dims }) as const;
  return buildModel({
    inputs: [value("A"), value("B")],
    outputs: [value("SUM"), value("DIFFERENCE")],
    nodes: [
      { op: "Add", inputs: ["A", "B"], outputs: ["SUM"] },
      { op: "Sub", inputs: ["A", "B"], outputs: ["DIFFERENCE"] },
    ],
  });
}

/** A [N, 4] and B [M, 4], each doubled into YA and YB: the symbols differ, so nothing says that both count rows. */
export function differentSymbols(): Uint8Array {
  return buildModel({
    inputs: [rowsOfFour("A"), rowsOfFour("B", "M")],
    outputs: [rowsOfFour("YA"), rowsOfFour("YB", "M")],
    nodes: [
      { op: "Add", inputs: ["A", "A"], outputs: ["YA"] },
      { op: "Add", inputs: ["B", "B"], outputs: ["YB"] },
    ],
  });
}

/** `Y = X - mean over rows`, [N, 4]: the shapes say batchable, the values depend on the neighbours. */
export function centreOverRows(): Uint8Array {
  const dims = ["N", 4];
  return buildModel({
    inputs: [{ name: "X", type: "float", dims }],
    outputs: [{ name: "Y", type: "float", dims }],
    nodes: [
      { op: "ReduceMean", inputs: ["X"], outputs: ["mean"], attributes: { axes: { ints: [0] }, keepdims: { i: 1 } } },
      { op: "Sub", inputs: ["X", "mean"], outputs: ["Y"] },
    ],
  });
}

/** Y [1, 4] is the sum over the rows of X [N, 4]: the output's first dimension does not follow the input's. */
export function sumOverRows(): Uint8Array {
  return buildModel({
    inputs: [{ name: "X", type: "float", dims: ["N", 4] }],
    outputs: [{ name: "Y", type: "float", dims: ["M", 4] }],
    nodes: [{ op: "ReduceSum", inputs: ["X", "axes"], outputs: ["Y"], attributes: { keepdims: { i: 1 } } }],
    initializers: [int64s("axes", [1], [0])],
  });
}

/** Y [N, 2] holds the positions of the non-zero values of X [N, 4]: as many rows as the values say, whatever the symbol claims. */
export function nonZero(): Uint8Array {
  return buildModel({
    inputs: [{ name: "X", type: "float", dims: ["N", 4] }],
    outputs: [{ name: "Y", type: "int64", dims: ["N", 2] }],
    nodes: [
      { op: "NonZero", inputs: ["X"], outputs: ["columns"] },
      { op: "Transpose", inputs: ["columns"], outputs: ["Y"], attributes: { perm: { ints: [1, 0] } } },
    ],
  });
}

/** Y [N, 3] are rows INDEX [N] of a table of 10 rows, row r holding r, r + 0.25, r + 0.5. An index of 10 or more fails while running. */
export function gather(): Uint8Array {
  return buildModel({
    inputs: [{ name: "INDEX", type: "int64", dims: ["N"] }],
    outputs: [{ name: "Y", type: "float", dims: ["N", 3] }],
    nodes: [{ op: "Gather", inputs: ["table", "INDEX"], outputs: ["Y"] }],
    initializers: [
      floats(
        "table",
        [10, 3],
        [...Array(30).keys()].map((i) => Math.floor(i / 3) + (i % 3) / 4),
      ),
    ],
  });
}

/**
 * `Y = X`, [N, 2], but X[:, 0] says how long it takes: its largest value, in steps of about 0.1 ms on one core.
 * Zeros and ones run in no time, so warm-up does not notice.
 */
export function slow(): Uint8Array {
  const size = 160;
  const dims = ["N", 2];
  const square = { type: "float", dims: [size, size] } as const;
  const body = {
    inputs: [
      { name: "i", type: "int64", dims: [] } as const,
      { name: "go", type: "bool", dims: [] } as const,
      { name: "state", ...square },
    ],
    outputs: [{ name: "goOn", type: "bool", dims: [] } as const, { name: "next", ...square }],
    nodes: [
      { op: "Identity", inputs: ["go"], outputs: ["goOn"] },
      { op: "MatMul", inputs: ["state", "matrix"], outputs: ["next"] },
    ],
  };
  return buildModel({
    inputs: [{ name: "X", type: "float", dims }],
    outputs: [{ name: "Y", type: "float", dims }],
    nodes: [
      { op: "ReduceMax", inputs: ["X"], outputs: ["columns"], attributes: { axes: { ints: [0] }, keepdims: { i: 0 } } },
      { op: "Gather", inputs: ["columns", "zero"], outputs: ["largest"] },
      { op: "Cast", inputs: ["largest"], outputs: ["steps"], attributes: { to: { i: 7 } } },
      { op: "Loop", inputs: ["steps", "true", "matrix"], outputs: ["end"], attributes: { body: { g: body } } },
      { op: "ReduceSum", inputs: ["end"], outputs: ["sum"], attributes: { keepdims: { i: 0 } } },
      { op: "Mul", inputs: ["sum", "none"], outputs: ["nothing"] },
      { op: "Add", inputs: ["X", "nothing"], outputs: ["Y"] },
    ],
    initializers: [
      int64s("zero", [], [0]),
      bools("true", [], [true]),
      floats("none", [], [0]),
      // Rows that sum to one keep the state where it is, so no value ever grows or becomes a denormal.
      floats("matrix", [size, size], Array(size * size).fill(1 / size)),
    ],
  });
}

/** Y [N, width] = X [N, width] times a matrix of width² parameters, e.g. 5000 for 25 million; `times` times over. */
export function matmul(width: number, times = 1): Uint8Array {
  const weights = new Float32Array(width * width);
  for (let i = 0; i < weights.length; i++) weights[i] = ((i * 2_654_435_761) % 1024) / 1024 - 0.5;
  const dims = ["N", width];
  const value = (step: number) => (step === 0 ? "X" : step === times ? "Y" : `X${step}`);
  return buildModel({
    inputs: [{ name: "X", type: "float", dims }],
    outputs: [{ name: "Y", type: "float", dims }],
    nodes: Array.from({ length: times }, (_, i) => ({ op: "MatMul", inputs: [value(i), "W"], outputs: [value(i + 1)] })),
    initializers: [floats("W", [width, width], weights)],
  });
}

/** A classifier as scikit-learn's converter writes it: LABEL int64 [N] and SCORES, a sequence of maps, which has no tensor form. */
export function zipMap(): Uint8Array {
  return buildModel({
    inputs: [{ name: "X", type: "float", dims: ["N", 3] }],
    outputs: [
      { name: "LABEL", type: "int64", dims: ["N"] },
      { name: "SCORES", sequenceOfMapsKeyedBy: "string" },
    ],
    nodes: [
      { op: "ArgMax", inputs: ["X"], outputs: ["LABEL"], attributes: { axis: { i: 1 }, keepdims: { i: 0 } } },
      { op: "Softmax", inputs: ["X"], outputs: ["softmax"], attributes: { axis: { i: 1 } } },
      {
        op: "ZipMap",
        domain: "ai.onnx.ml",
        inputs: ["softmax"],
        outputs: ["SCORES"],
        attributes: { classlabels_strings: { strings: ["red", "green", "blue"] } },
      },
    ],
  });
}

/** `Y = X + BIAS`, [N, 4]; BIAS [4] is listed as an input but has a default value of 10, so callers need not send it. */
export function optionalInput(): Uint8Array {
  const dims = ["N", 4];
  return buildModel({
    inputs: [
      { name: "X", type: "float", dims },
      { name: "BIAS", type: "float", dims: [4] },
    ],
    outputs: [{ name: "Y", type: "float", dims }],
    nodes: [{ op: "Add", inputs: ["X", "BIAS"], outputs: ["Y"] }],
    initializers: [floats("BIAS", [4], [10, 10, 10, 10])],
  });
}
