// Rows for the model and what it makes of them, by the runtime itself.

import { InferenceSession, Tensor } from "onnxruntime-node";
import type { ServedModel } from "./peer.ts";

/** A few rows for the model and what it makes of them. */
export interface Example {
  readonly rows: number;
  readonly values: Float32Array;
  readonly expected: Float32Array;
}

/** Runs the model here, so that answers can be held against it. @param rowSize elements of one row. */
export async function makeExamples(model: ServedModel, rowSize: number, rowCounts: readonly number[]): Promise<readonly Example[]> {
  const session = await InferenceSession.create(model.file, { executionProviders: ["cpu"], intraOpNumThreads: 1 });
  const examples: Example[] = [];
  for (const rows of rowCounts) {
    const values = Float32Array.from({ length: rows * rowSize }, (_, i) => (((i * 7) % 251) - 125) / 256);
    const { y } = await session.run({ x: new Tensor("float32", values, [rows, rowSize]) });
    // The model's output is a float tensor on the CPU.
    examples.push({ rows, values, expected: Float32Array.from(y!.data as Float32Array) });
  }
  await session.release();
  return examples;
}
