// One inference by whatever protocol a peer speaks, and whether its answer is right.

import { GRPCInferenceServiceService, ModelInferRequest } from "../../generated/inference/grpc_service.ts";
import { callOnce } from "../lib/control.ts";
import type { Example } from "./examples.ts";
import type { Peer } from "./peer.ts";

const relativeTolerance = 1e-4;
const askTimeoutMs = 10_000;

async function askGrpc(port: number, model: string, { rows, values }: Example): Promise<Float32Array> {
  const request = ModelInferRequest.fromPartial({
    modelName: model,
    inputs: [{ name: "x", datatype: "FP32", shape: [BigInt(rows), BigInt(values.length / rows)] }],
    rawInputContents: [new Uint8Array(values.buffer, values.byteOffset, values.byteLength)],
  });
  const { rawOutputContents } = await callOnce(port, GRPCInferenceServiceService.modelInfer, request);
  return new Float32Array(new Uint8Array(rawOutputContents[0] ?? []).buffer);
}

async function askJson(port: number, path: string, { rows, values }: Example): Promise<Float32Array> {
  const rowSize = values.length / rows;
  const x = Array.from({ length: rows }, (_, row) => Array.from(values.subarray(row * rowSize, (row + 1) * rowSize)));
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close" },
    body: JSON.stringify({ x }),
    signal: AbortSignal.timeout(askTimeoutMs),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`HTTP ${response.status}: ${text.slice(0, 200)}`);
  // What the comparison below does not like fails there.
  const answer = JSON.parse(text) as { readonly y?: number[][] } | number[][];
  return Float32Array.from((Array.isArray(answer) ? answer : (answer.y ?? [])).flat());
}

/** Asks a peer. @throws Error for anything but the right answer. */
export async function askRight(peer: Peer, port: number, model: string, example: Example): Promise<void> {
  const answer = peer.protocol === "oip-grpc" ? await askGrpc(port, model, example) : await askJson(port, peer.path ?? "/", example);
  const { expected, rows } = example;
  if (answer.length !== expected.length) throw new Error(`${answer.length} numbers for ${rows} rows instead of ${expected.length}.`);
  const wrong = expected.findIndex((value, i) => !(Math.abs(answer[i]! - value) <= relativeTolerance * Math.max(1, Math.abs(value))));
  if (wrong >= 0) throw new Error(`Wrong answer: number ${wrong} is ${answer[wrong]} instead of ${expected[wrong]}.`);
}
