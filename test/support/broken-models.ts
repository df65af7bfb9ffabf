// Files that end in .onnx and cannot be served, by what is wrong with them.

import { identity } from "./models.ts";
import { buildModel } from "./onnx/build-model.ts";

function unknownOperator(): Uint8Array {
  const dims = ["N", 4];
  return buildModel({
    inputs: [{ name: "X", type: "float", dims }],
    outputs: [{ name: "Y", type: "float", dims }],
    nodes: [{ op: "NoSuchOperator", inputs: ["X"], outputs: ["Y"] }],
  });
}

/** The files, by a name that can be a model's. */
export function brokenModels(): Readonly<Record<string, Uint8Array>> {
  const whole = identity("float");
  return {
    empty: new Uint8Array(0),
    truncated: whole.subarray(0, whole.length - 20),
    "random-bytes": Uint8Array.from({ length: 512 }, (_, i) => (i * 73 + 41) % 256),
    text: Buffer.from("This is not a model.\n"),
    "unknown-operator": unknownOperator(),
    bfloat16: identity("bfloat16"),
  };
}
