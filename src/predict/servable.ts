// A version that answers predictions, as the pipeline sees it.

import type { Engine } from "../engine/engine.ts";
import type { VersionInstruments } from "../telemetry/instruments.ts";
import type { Validate } from "./validate.ts";

/** One ready version of one model. */
export interface Servable {
  readonly model: string;
  readonly version: string;
  /** Checks a request against the version's signature. */
  readonly validate: Validate;
  readonly engine: Engine;
  /** Most rows in one run; 0 when requests do not share runs. */
  readonly maxBatchSize: number;
  readonly instruments: VersionInstruments;
}

/**
 * Chooses the version that answers.
 * @throws ServiceError MODEL_NOT_FOUND, VERSION_NOT_FOUND or MODEL_NOT_READY.
 */
export type Route = (model: string, version: string) => Servable;
