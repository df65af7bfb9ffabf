// The ceiling of the runtime itself: session.run back to back, with no server around it.

import { InferenceSession, Tensor } from "onnxruntime-node";

// Usage: node bench/servers/back-to-back.ts <model.onnx> <row shape, 1x8x8> <threads> <seconds per size> <batch sizes, 1,2,4>
// Prints {"<batch size>": {"rowsPerSecond": n, "p50Ms": n}, …}.
const [file, rowShape, threads, seconds, sizes] = process.argv.slice(2);
if (file === undefined || rowShape === undefined || threads === undefined || seconds === undefined || sizes === undefined) {
  throw new Error("Usage: node bench/servers/back-to-back.ts <model> <row shape> <threads> <seconds> <sizes>");
}

const session = await InferenceSession.create(file, {
  executionProviders: ["cpu"],
  intraOpNumThreads: Number(threads),
  interOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: "0" } } },
});
const dims = rowShape.split("x").map(Number);
const [input] = session.inputNames;
if (input === undefined) throw new Error("The model has no input.");
const result: Record<string, { rowsPerSecond: number; p50Ms: number }> = {};

for (const rows of sizes.split(",").map(Number)) {
  const elements = dims.reduce((product, dim) => product * dim, rows);
  const values = Float32Array.from({ length: elements }, (_, i) => (i % 251) / 251);
  const feeds = { [input]: new Tensor("float32", values, [rows, ...dims]) };
  for (let i = 0; i < 3; i++) await session.run(feeds);
  const durations: number[] = [];
  const fromMs = performance.now();
  for (let nowMs = fromMs; nowMs - fromMs < Number(seconds) * 1000;) {
    await session.run(feeds);
    const endMs = performance.now();
    durations.push(endMs - nowMs);
    nowMs = endMs;
  }
  const tookMs = performance.now() - fromMs;
  durations.sort((a, b) => a - b);
  result[rows] = { rowsPerSecond: (durations.length * rows * 1000) / tookMs, p50Ms: durations[durations.length >> 1]! };
}
await session.release();
process.stdout.write(`${JSON.stringify(result)}\n`);
