// Writes the models that only the bench needs: a large perceptron and a model that takes images and hardly computes.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildModel } from "../test/support/onnx/build-model.ts";
import type { OnnxTensor } from "../test/support/onnx/types.ts";
import { seededRandom } from "./loadgen/random.ts";

/** Widths of the perceptron's layers: 25.2 million weights. */
const mlpWidths = [1024, 4096, 4096, 1024, 8] as const;

/** Shape of one row of each generated model, and the name of its input. */
export const benchModels = {
  "mlp-25m": { input: "x", rowShape: [mlpWidths[0]] },
  image: { input: "pixels", rowShape: [224, 224, 3] },
} as const;

function weights(name: string, dims: readonly [number, number], random: () => number): OnnxTensor {
  // Scaled so that activations neither vanish nor explode: denormal numbers would slow the runs down.
  const scale = Math.sqrt(12 / dims[0]);
  const values = new Float32Array(dims[0] * dims[1]);
  for (let i = 0; i < values.length; i++) values[i] = (random() - 0.5) * scale;
  return { name, type: "float", dims, data: new Uint8Array(values.buffer) };
}

function mlp(): Uint8Array {
  const random = seededRandom(25);
  const layers = mlpWidths.slice(1).map((width, i) => ({ from: mlpWidths[i]!, width, i }));
  const last = layers.length - 1;
  return buildModel({
    inputs: [{ name: "x", type: "float", dims: ["N", mlpWidths[0]] }],
    outputs: [{ name: "y", type: "float", dims: ["N", mlpWidths.at(-1)!] }],
    initializers: layers.map(({ from, width, i }) => weights(`w${i}`, [from, width], random)),
    nodes: layers.flatMap(({ i }) => {
      const into = i === 0 ? "x" : `r${i - 1}`;
      if (i === last) return [{ op: "MatMul", inputs: [into, `w${i}`], outputs: ["y"] }];
      return [
        { op: "MatMul", inputs: [into, `w${i}`], outputs: [`m${i}`] },
        { op: "Relu", inputs: [`m${i}`], outputs: [`r${i}`] },
      ];
    }),
  });
}

function imageMeans(): Uint8Array {
  return buildModel({
    inputs: [{ name: "pixels", type: "float", dims: ["N", 224, 224, 3] }],
    outputs: [{ name: "first", type: "float", dims: ["N", 3] }],
    initializers: [{ name: "corner", type: "int64", dims: [1], data: new Uint8Array(new BigInt64Array(1).buffer) }],
    nodes: [
      // Reading one pixel instead of all keeps the run free, so that the figure tells what the way of the bytes costs.
      { op: "Gather", inputs: ["pixels", "corner"], outputs: ["row"], attributes: { axis: { i: 1 } } },
      { op: "ReduceMean", inputs: ["row"], outputs: ["first"], attributes: { axes: { ints: [1, 2] }, keepdims: { i: 0 } } },
    ],
  });
}

/** Writes one model into `folder` as `<name>/1/model.onnx` and returns the file. */
export function writeBenchModel(folder: string, name: keyof typeof benchModels): string {
  const versionDir = join(folder, name, "1");
  mkdirSync(versionDir, { recursive: true });
  const file = join(versionDir, "model.onnx");
  writeFileSync(file, name === "image" ? imageMeans() : mlp());
  return file;
}
