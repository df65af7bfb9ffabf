// A warm-up request of a model's configuration as a request of the engine.

import { ModelError } from "../backend.ts";
import type { WarmupContent, WarmupSample } from "../backend.ts";
import type { EngineRequest } from "../engine.ts";
import { ELEMENT_BYTES } from "../../tensor/dtype.ts";
import type { Signature, TensorSpec } from "../../tensor/signature.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { sampleTensor } from "./sample-input.ts";

/** @param hasRows whether the sample's shapes leave the rows out. @throws ModelError if the sample does not fit the signature. */
export function sampleRequest(signature: Signature, sample: WarmupSample, hasRows: boolean): EngineRequest {
  const subject = `The warm-up request ${JSON.stringify(sample.name)}`;
  const unknown = sample.inputs.find(({ name }) => !signature.inputs.some((spec) => spec.name === name));
  if (unknown !== undefined)
    throw new ModelError(`${subject} has an input ${JSON.stringify(unknown.name)}, which the model does not have.`);
  const rows = hasRows ? sample.rows : 1;
  const inputs = signature.inputs.map((spec, index): Tensor => {
    const given = sample.inputs.find(({ name }) => name === spec.name);
    if (given === undefined) throw new ModelError(`${subject} lacks the input ${JSON.stringify(spec.name)}.`);
    const shape = hasRows ? [rows, ...given.shape] : given.shape;
    if (given.dtype !== spec.dtype || shape.length !== spec.dims.length || shape.some((length, i) => !fits(length, spec, i))) {
      throw new ModelError(`${subject} does not fit the input ${JSON.stringify(spec.name)}.`);
    }
    const bytes = bytesOf(given.content, spec, shape, rows, index);
    if (bytes === undefined) throw new ModelError(`${subject} has too much or too little data for ${JSON.stringify(spec.name)}.`);
    return { name: spec.name, dtype: spec.dtype, shape, bytes, problem: undefined };
  });
  return { inputs, rows, shapeKey: "", outputs: signature.outputs.map((_, index) => index), priority: 0, queueTimeoutMs: 0 };
}

function fits(length: number, { dims }: TensorSpec, position: number): boolean {
  const { size } = dims[position]!;
  return length >= 0 && (size === -1 || size === length);
}

/** Elements of all rows; undefined for content of the wrong length. */
function bytesOf(content: WarmupContent, spec: TensorSpec, shape: readonly number[], rows: number, seed: number): Uint8Array | undefined {
  const fixed = { ...spec, dims: shape.map((size) => ({ size, symbol: "" })) };
  const made = sampleTensor(fixed, () => 1, content.kind === "random" ? "varied" : "zeros", seed + 1).bytes;
  if (content.kind !== "bytes") return made;
  const { byteLength } = content.bytes;
  if (ELEMENT_BYTES[spec.dtype] > 0 && byteLength * rows !== made.byteLength) return undefined;
  const bytes = new Uint8Array(byteLength * rows);
  for (let row = 0; row < rows; row++) bytes.set(content.bytes, row * byteLength);
  return bytes;
}
