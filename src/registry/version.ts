// One version of a model: its state, which only moves forward, and what it serves with.

import type { Config } from "../config/config.ts";
import type { LoadedModel } from "../engine/backend.ts";
import type { Servable } from "../predict/servable.ts";
import type { ValidateLimits, ValidateRules } from "../predict/validate.ts";
import { createValidate } from "../predict/validate.ts";
import { createVersionInstruments } from "../telemetry/instruments.ts";
import type { Signature } from "../tensor/signature.ts";
import { Lease } from "./lease.ts";
import type { ModelSettings } from "./model-settings.ts";
import type { QueueSettings } from "./queue-settings.ts";
import { queueSettings } from "./queue-settings.ts";
import type { ModelState, StatisticsView, VersionView } from "./view.ts";

const ORDER: readonly ModelState[] = ["loading", "warming", "ready", "draining", "unloaded"];

function validateRules({ maxBatchSize, splitsRequests, textOnly, padding }: LoadedModel): ValidateRules {
  const batched = maxBatchSize > 0;
  return { batched, textOnly, padding, maxRows: batched && !splitsRequests ? maxBatchSize : Infinity };
}

/** What a version is made of. */
export interface VersionOptions {
  readonly model: string;
  /** Decimal number. */
  readonly version: string;
  /** Model file. */
  readonly path: string;
  /** What the files and the configuration were when it was made; equal ones need not be loaded again. */
  readonly fingerprint: string;
  readonly settings: ModelSettings;
  readonly config: Config;
}

/** A version of a model. */
export class Version {
  readonly model: string;
  readonly version: string;
  readonly path: string;
  readonly fingerprint: string;
  readonly settings: ModelSettings;
  /** Set while it answers predictions. */
  servable: Servable | undefined;
  /** Resolves when a version that was ready has been freed. */
  readonly gone: Promise<void>;
  readonly #queue: QueueSettings;
  readonly #instruments = createVersionInstruments();
  readonly #limits: ValidateLimits;
  readonly #lease = new Lease();
  #state: ModelState = "loading";
  #reason = "";
  #signature: Signature | undefined;
  #loaded: LoadedModel | undefined;
  readonly #onGone: () => void;

  constructor({ model, version, path, fingerprint, settings, config }: VersionOptions) {
    this.model = model;
    this.version = version;
    this.path = path;
    this.fingerprint = fingerprint;
    this.settings = settings;
    this.#limits = config;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gone = promise;
    this.#onGone = resolve;
    this.#queue = queueSettings(settings, config);
  }

  get state(): ModelState {
    return this.#state;
  }

  /** Why it failed, or a warning; "" when all is well. */
  get reason(): string {
    return this.#reason;
  }

  /** What it serves with; undefined before it is ready. */
  get loaded(): LoadedModel | undefined {
    return this.#loaded;
  }

  /** Sessions stand; trial runs begin. */
  warming(signature: Signature): void {
    this.#move("warming");
    this.#signature = signature;
  }

  /** Predictions may come. */
  ready(loaded: LoadedModel): void {
    this.#move("ready");
    this.#loaded = loaded;
    this.#signature = loaded.signature;
    this.#reason = loaded.warnings.join(" ");
    this.servable = {
      model: this.model,
      version: this.version,
      signature: loaded.signature,
      validate: createValidate(loaded.signature, validateRules(loaded), this.#limits),
      engine: loaded.engine,
      maxBatchSize: loaded.maxBatchSize,
      splitsRequests: loaded.splitsRequests,
      instruments: this.#instruments,
      leases: this.#lease,
    };
  }

  /** It will not be served. */
  failed(reason: string): void {
    if (this.#state !== "loading" && this.#state !== "warming")
      throw new Error(`A ${this.#state} version cannot fail to load. This is a bug.`);
    this.#state = "failed";
    this.#reason = reason;
  }

  /** It is in the folder and not wanted now. */
  notLoaded(): void {
    if (this.#state !== "loading") throw new Error(`A ${this.#state} version cannot be set aside. This is a bug.`);
    this.#state = "unloaded";
    this.#reason = "not loaded";
  }

  /** What an operator should know about a version that serves on. */
  note(reason: string): void {
    this.#reason = reason;
  }

  /** Takes nothing new, finishes what it has and who holds it, frees the sessions. @param reason why, for the view. */
  async close(reason = ""): Promise<void> {
    if (this.#state !== "ready") return;
    this.#move("draining");
    this.#reason = reason;
    this.servable = undefined;
    await this.#lease.free();
    await this.#loaded?.close();
    this.#move("unloaded");
    this.#onGone();
  }

  /** What the outside may know. */
  view(): VersionView {
    const loaded = this.#loaded;
    return {
      version: this.version,
      state: this.#state,
      reason: this.#viewReason(),
      signature: this.#signature,
      decoupled: this.settings.decoupled,
      batching:
        loaded === undefined
          ? undefined
          : {
              enabled: loaded.sharesRuns,
              maxBatchSize: loaded.maxBatchSize,
              ...this.#queue,
              paddedLengths: loaded.padding?.buckets ?? [],
              maxBatchTokens: loaded.padding?.maxBatchTokens ?? 0,
              source: loaded.batchingSource,
            },
      execution:
        loaded === undefined
          ? undefined
          : {
              kind: loaded.execution,
              instances: loaded.instances,
              intraOpThreads: loaded.intraOpThreads,
              provider: loaded.provider,
              deviceIds: loaded.deviceIds,
              providerNotes: loaded.providerNotes,
            },
      warmup: loaded?.warmup ?? [],
      statistics: this.#statistics(),
    };
  }

  #viewReason(): string {
    if (this.#loaded?.engine.statistics().scheduling?.isDegraded !== true) return this.#reason;
    return [this.#reason, "Degraded: an instance is held by a run that does not end, or has just got rid of one."]
      .filter(Boolean)
      .join(" ");
  }

  #statistics(): StatisticsView {
    const { okCount, lateCount, errorCount, failCount, failMs, rowCount, batchMs, postprocessMs, lastRequestAt, queueMs, runMs, totalMs } =
      this.#instruments;
    const engine = this.#loaded?.engine.statistics();
    return {
      okCount,
      errorCount,
      failCount,
      rowCount,
      lastRequestAt,
      batchCount: engine?.batchCount ?? 0,
      queuedRows: engine?.queuedRows ?? 0,
      batches: engine?.batches ?? [],
      totalMs: totalMs.sum,
      failMs,
      queueMs: queueMs.sum,
      batchMs,
      runMs: runMs.sum,
      postprocessMs,
      lateCount,
      ...(engine?.scheduling === undefined ? {} : { scheduling: engine.scheduling }),
    };
  }

  #move(to: ModelState): void {
    if (ORDER.indexOf(to) <= ORDER.indexOf(this.#state) || this.#state === "failed") {
      throw new Error(`A version cannot go from ${this.#state} to ${to}. This is a bug.`);
    }
    this.#state = to;
  }
}
