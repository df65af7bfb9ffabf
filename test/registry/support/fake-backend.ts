// A backend whose loads, answers and ends the test releases by hand.

import type { Backend, LoadedModel, LoadOptions } from "../../../src/engine/backend.ts";
import { ModelError } from "../../../src/engine/backend.ts";
import type { Signature } from "../../../src/tensor/signature.ts";

/** A load that the backend was asked for. */
export interface FakeLoad {
  readonly options: LoadOptions;
  /** Lets it succeed. */
  succeed(): void;
  /** Lets it fail. */
  fail(reason: string): void;
  /** Whether the model has been freed. */
  readonly isClosed: () => boolean;
}

/** The one input and output of every fake model: any number of bytes in rows. */
const SPEC = { name: "x", dtype: "UINT8", dims: [{ size: -1, symbol: "N" }], description: "", columns: [], labels: [] } as const;
const SIGNATURE: Signature = { inputs: [SPEC], outputs: [SPEC] };

/** Makes the backend. @param automatic whether loads succeed by themselves. */
export function createFakeBackend(automatic = false): { readonly backend: Backend; readonly loads: readonly FakeLoad[] } {
  const loads: FakeLoad[] = [];
  const backend: Backend = {
    canBeDecoupled: true,
    explainFailure: (error) => (error as Error).message,
    load(options) {
      const { promise, resolve, reject } = Promise.withResolvers<LoadedModel>();
      let closed = false;
      loads.push({
        options,
        succeed() {
          options.onWarming(SIGNATURE);
          resolve(createLoaded(() => (closed = true)));
        },
        fail: (reason) => reject(new ModelError(reason)),
        isClosed: () => closed,
      });
      if (automatic) loads.at(-1)!.succeed();
      return promise;
    },
  };
  return { backend, loads };
}

function createLoaded(onClose: () => void): LoadedModel {
  return {
    engine: {
      submit: ({ inputs }) =>
        Promise.resolve({ outputs: inputs, batchRows: 1, queueMs: 0, batchMs: 0, runMs: 0, runEndedAt: performance.now() }),
      statistics: () => ({ batchCount: 0, rowCount: 0, queuedRows: 0, batches: [] }),
      close: () => Promise.resolve(),
    },
    signature: SIGNATURE,
    textOnly: false,
    maxBatchSize: 8,
    sharesRuns: true,
    splitsRequests: true,
    batchingSource: "fake",
    instances: 1,
    execution: "thread",
    intraOpThreads: 1,
    provider: "cpu",
    providerNotes: [],
    deviceIds: [],
    warnings: [],
    warmup: [],
    close() {
      onClose();
      return Promise.resolve();
    },
  };
}
