// Requests of any number of rows to try a model with: those of its configuration, else made-up ones that it takes.

import type { LoadedModel, LoadOptions, WarmupSample } from "../backend.ts";
import { ModelError } from "../backend.ts";
import type { EngineRequest } from "../engine.ts";
import { sampleRequest } from "../onnx/sample-request.ts";

/** Lengths tried for free dimensions that the configuration says nothing about, as warm-up does. */
const FREE_LENGTHS = [8, 1, 32, 224] as const;

/** Makes a request of so many rows; of a model without rows always the same. */
export type MakeRequest = (rows: number) => EngineRequest;

/**
 * Finds what the model takes.
 * @param submit rejects when a request fails.
 * @throws ModelError when everything fails.
 */
export async function findRequests(
  model: Pick<LoadedModel, "signature" | "maxBatchSize">,
  options: Pick<LoadOptions, "warmupSamples" | "warmupDims">,
  submit: (request: EngineRequest) => Promise<unknown>,
): Promise<MakeRequest> {
  const hasRows = model.maxBatchSize > 0;
  for (const sample of [...options.warmupSamples, ...madeUp(model, options)]) {
    const make: MakeRequest = (rows) => sampleRequest(model.signature, { ...sample, rows }, hasRows);
    try {
      await submit(make(1));
      return make;
    } catch {
      // The next one may do.
    }
  }
  throw new ModelError("The model failed on every made-up input.");
}

function madeUp(
  { signature, maxBatchSize }: Pick<LoadedModel, "signature" | "maxBatchSize">,
  { warmupDims }: Pick<LoadOptions, "warmupDims">,
): readonly WarmupSample[] {
  return (["random", "zeros"] as const).flatMap((kind) =>
    FREE_LENGTHS.map((freeLength) => ({
      name: "tune",
      rows: 1,
      count: 1,
      inputs: signature.inputs.map(({ name, dtype, dims }) => ({
        name,
        dtype,
        shape: dims.slice(maxBatchSize > 0 ? 1 : 0).map(({ size, symbol }) => (size >= 0 ? size : (warmupDims.get(symbol) ?? freeLength))),
        content: { kind },
      })),
    })),
  );
}
