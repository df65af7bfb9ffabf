// A version that answers predictions, as the pipeline sees it.

import type { Engine } from "../engine/engine.ts";
import type { VersionInstruments } from "../telemetry/instruments.ts";
import type { Signature } from "../tensor/signature.ts";
import type { Validate } from "./validate.ts";

/** Counts who uses a version, so that it is freed only when nobody does. */
export interface Leases {
  /** Holds the version. Every `take` is followed by one `give`. */
  take(): void;
  /** Lets it go. */
  give(): void;
}

/** One ready version of one model. Whoever found it through `Route` may use it while it holds a lease, even if it is being unloaded. */
export interface Servable {
  readonly model: string;
  readonly version: string;
  readonly signature: Signature;
  /** Checks a request against the version's signature. */
  readonly validate: Validate;
  readonly engine: Engine;
  /** Most rows in one run; 0 when the model has no rows. */
  readonly maxBatchSize: number;
  /** Whether a request of many rows may be answered in parts. */
  readonly splitsRequests: boolean;
  readonly instruments: VersionInstruments;
  readonly leases: Leases;
}

/**
 * Chooses the version that answers.
 * @throws ServiceError MODEL_NOT_FOUND, VERSION_NOT_FOUND or MODEL_NOT_READY.
 */
export type Route = (model: string, version: string) => Servable;
