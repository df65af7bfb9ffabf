// What test-only backends have in common: a loaded model around an engine, as a configuration declares it.

import type { DeclaredSpec, LoadedModel, LoadOptions } from "../../src/engine/backend.ts";
import type { Engine, EngineResult } from "../../src/engine/engine.ts";
import type { Signature, TensorSpec } from "../../src/tensor/signature.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** What an engine has that counts nothing and holds nothing. */
export const IDLE_ENGINE: Pick<Engine, "statistics" | "close"> = {
  statistics: () => ({ batchCount: 0, rowCount: 0, queuedRows: 0, batches: [] }),
  close: async () => {},
};

/** Inputs and outputs as the configuration declares them. */
export function declared({ declaredInputs = [], declaredOutputs = [], maxBatchSize = 0 }: LoadOptions): Signature {
  const toSpec = ({ name, dtype, dims }: DeclaredSpec): TensorSpec => ({
    name,
    dtype,
    dims: (maxBatchSize > 0 ? [-1, ...dims] : dims).map((size) => ({ size, symbol: "" })),
    description: "",
    columns: [],
    labels: [],
  });
  return { inputs: declaredInputs.map(toSpec), outputs: declaredOutputs.map(toSpec) };
}

/** A model that is ready. */
export function plainModel(engine: Engine, options: LoadOptions): LoadedModel {
  const signature = declared(options);
  options.onWarming(signature);
  return {
    engine,
    signature,
    maxBatchSize: options.maxBatchSize ?? 0,
    sharesRuns: false,
    splitsRequests: true,
    textOnly: false,
    batchingSource: "a test",
    instances: 1,
    execution: "thread",
    intraOpThreads: 1,
    provider: "cpu",
    providerNotes: [],
    deviceIds: [],
    warnings: [],
    warmup: [],
    close: () => engine.close(),
  };
}

/** A result that took no time. */
export function instantResult(outputs: readonly Tensor[]): EngineResult {
  return { outputs, batchRows: 1, queueMs: 0, batchMs: 0, runMs: 0, runEndedAt: performance.now() };
}
