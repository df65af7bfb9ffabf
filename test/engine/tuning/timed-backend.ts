// A backend whose loads and runs take as long as the test says, on the test's clock.

import { loadConfig } from "../../../src/config/load-config.ts";
import type { Backend, LoadedModel, LoadOptions } from "../../../src/engine/backend.ts";
import { ModelError } from "../../../src/engine/backend.ts";
import type { Sizes } from "../../../src/engine/tuning/candidates.ts";
import { loadOptions } from "../../../src/registry/load-version.ts";
import { DEFAULT_MODEL_SETTINGS } from "../../../src/registry/model-settings.ts";
import type { ManualClock } from "../scheduler/manual-clock.ts";
import { createManualClock } from "../scheduler/manual-clock.ts";
import { IDLE_ENGINE, instantResult } from "../../support/plain-model.ts";

/** How a model behaves. */
export interface TimedModel {
  readonly loadMs?: number;
  /** Duration of one run while all instances run. */
  readonly runMs: (rows: number, sizes: Sizes) => number;
  readonly maxBatchSize?: number;
  readonly splitsRequests?: boolean;
  readonly provider?: LoadedModel["provider"];
  /** Rejects loads of these sizes. */
  readonly failsToLoad?: (sizes: Sizes) => boolean;
  /** Rejects every run. */
  readonly failsToRun?: boolean;
  /** Told before each run. */
  readonly onRun?: (rows: number, sizes: Sizes) => void;
}

/** What the backend saw. */
export interface TimedBackend {
  readonly backend: Backend;
  readonly clock: ManualClock;
  readonly loads: readonly LoadOptions[];
  /** Models that have not been closed. */
  readonly openCount: () => number;
}

const SPEC = { name: "x", dtype: "UINT8", dims: [-1, 4].map((size) => ({ size, symbol: "" })), description: "", columns: [], labels: [] };
const SIGNATURE = { inputs: [SPEC], outputs: [SPEC] } as const as LoadedModel["signature"];

/** Makes the backend. */
export function createTimedBackend(model: TimedModel): TimedBackend {
  const { loadMs = 10, runMs, splitsRequests = true, provider = "cpu" } = model;
  const clock = createManualClock();
  const loads: LoadOptions[] = [];
  let openCount = 0;
  const backend: Backend = {
    canBeDecoupled: false,
    explainFailure: (error) => (error as Error).message,
    async load(options) {
      loads.push(options);
      clock.advance(loadMs);
      if (model.failsToLoad?.(options) === true) throw new ModelError("no room");
      openCount++;
      const { instances, intraOpThreads } = options;
      return {
        engine: {
          ...IDLE_ENGINE,
          async submit({ rows, inputs }) {
            await Promise.resolve();
            model.onRun?.(rows, options);
            if (model.failsToRun === true) throw new ModelError("it does not run");
            const ms = runMs(rows, options);
            // All instances run at once, so each of them moves time on by its share.
            clock.advance(ms / instances);
            return { ...instantResult(inputs), runMs: ms };
          },
        },
        signature: SIGNATURE,
        textOnly: false,
        maxBatchSize: model.maxBatchSize ?? options.maxBatchSize ?? options.defaultMaxBatchSize,
        sharesRuns: options.sharesRuns,
        splitsRequests,
        batchingSource: "a test",
        execution: options.execution,
        instances,
        intraOpThreads,
        provider,
        deviceIds: [],
        providerNotes: [],
        warnings: [],
        warmup: [],
        close: async () => void openCount--,
      };
    },
  };
  return {
    backend,
    clock,
    loads,
    openCount: () => openCount,
  };
}

/** Options as a model without any configuration gets them. */
export function plainOptions(options: Partial<LoadOptions> = {}): LoadOptions {
  const config = loadConfig({ flags: {}, env: {}, cwd: "/" });
  const version = { path: "/model.onnx", settings: DEFAULT_MODEL_SETTINGS };
  return { ...loadOptions(version, { warmupSamples: [] }, { config, modelCount: 1 }, () => {}), ...options };
}
