// One version of a model: its state, which only moves forward, and what it serves with.

import type { Config } from "../config/config.ts";
import type { OnnxModel } from "../engine/onnx/load-onnx-model.ts";
import type { Servable } from "../predict/servable.ts";
import type { ValidateLimits } from "../predict/validate.ts";
import { createValidate } from "../predict/validate.ts";
import { createVersionInstruments } from "../telemetry/instruments.ts";
import type { Signature } from "../tensor/signature.ts";
import type { Manifest } from "./manifest.ts";
import type { ModelState, VersionView } from "./view.ts";

const ORDER: readonly ModelState[] = ["loading", "warming", "ready", "draining", "unloaded"];

/** A version of a model. */
export class Version {
  readonly version: string;
  /** Model file. */
  readonly path: string;
  /** Set while it answers predictions. */
  servable: Servable | undefined;
  readonly #modelName: string;
  readonly #queue: { readonly maxQueueDelayMs: number; readonly maxQueueRows: number };
  readonly #instruments = createVersionInstruments();
  readonly #limits: ValidateLimits;
  #state: ModelState = "loading";
  #reason = "";
  #signature: Signature | undefined;
  #model: OnnxModel | undefined;

  constructor(modelName: string, version: string, path: string, config: Config, manifest: Manifest | undefined) {
    this.#modelName = modelName;
    this.version = version;
    this.path = path;
    this.#limits = config;
    this.#queue = {
      maxQueueDelayMs: manifest?.maxQueueDelayMs ?? config.maxQueueDelayMs,
      maxQueueRows: manifest?.maxQueueRows ?? config.maxQueueRows,
    };
  }

  get state(): ModelState {
    return this.#state;
  }

  /** Why it failed, or a warning; "" when all is well. */
  get reason(): string {
    return this.#reason;
  }

  /** Sessions stand; trial runs begin. */
  warming(signature: Signature): void {
    this.#move("warming");
    this.#signature = signature;
  }

  /** Predictions may come. */
  ready(model: OnnxModel): void {
    this.#move("ready");
    this.#model = model;
    this.#reason = model.warnings.join(" ");
    this.servable = {
      model: this.#modelName,
      version: this.version,
      validate: createValidate(model.signature, model.maxBatchSize > 0, this.#limits),
      engine: model.engine,
      maxBatchSize: model.maxBatchSize,
      instruments: this.#instruments,
    };
  }

  /** It will not be served. */
  failed(reason: string): void {
    if (this.#state !== "loading" && this.#state !== "warming")
      throw new Error(`A ${this.#state} version cannot fail to load. This is a bug.`);
    this.#state = "failed";
    this.#reason = reason;
  }

  /** Takes nothing new, finishes what it has, frees the sessions. */
  async close(): Promise<void> {
    if (this.#state !== "ready") return;
    this.#move("draining");
    this.servable = undefined;
    await this.#model?.close();
    this.#move("unloaded");
  }

  /** What the outside may know. */
  view(): VersionView {
    const model = this.#model;
    const engine = model?.engine.statistics();
    return {
      version: this.version,
      state: this.#state,
      reason: this.#reason,
      signature: this.#signature,
      batching:
        model === undefined
          ? undefined
          : { enabled: model.maxBatchSize > 1, maxBatchSize: model.maxBatchSize, ...this.#queue, source: model.batchingSource },
      execution:
        model === undefined
          ? undefined
          : {
              kind: "thread",
              instances: model.instances,
              intraOpThreads: model.intraOpThreads,
              provider: model.provider,
              providerNotes: model.providerNotes,
            },
      warmup: model?.warmup ?? [],
      statistics: {
        okCount: this.#instruments.okCount,
        errorCount: this.#instruments.errorCount,
        rowCount: this.#instruments.rowCount,
        batchCount: engine?.batchCount ?? 0,
        queuedRows: engine?.queuedRows ?? 0,
      },
    };
  }

  #move(to: ModelState): void {
    if (ORDER.indexOf(to) <= ORDER.indexOf(this.#state) || this.#state === "failed") {
      throw new Error(`A version cannot go from ${this.#state} to ${to}. This is a bug.`);
    }
    this.#state = to;
  }
}
