// A prediction as every transport hands it in and gets it back.

import type { ServiceError } from "../errors.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A decoded request; nothing about it has been checked against a model. */
export interface PredictRequest {
  readonly model: string;
  /** Decimal number; "" for the default. */
  readonly version: string;
  /** The caller's own id; "" when it gave none. */
  readonly requestId: string;
  readonly inputs: readonly Tensor[];
  /** Names of the outputs wanted; empty for all. */
  readonly outputs: readonly string[];
  /** For each entry of `outputs` how many of its highest values to give as classes instead; 0 for the values. Empty: 0 for all. */
  readonly classCounts: readonly number[];
  /** How urgent within the model's levels: 1 is the highest, 0 the model's default. */
  readonly priority: number;
  /** Longest wait for the start of the run in milliseconds; 0 for the model's default. */
  readonly queueTimeoutMs: number;
  /** What the message had wrong about the request as a whole. Validation refuses with it, so that an unknown model is told first. */
  readonly problem: ServiceError | undefined;
}

/** No classes asked for. */
export const NO_CLASSES: readonly number[] = Object.freeze([]);

/** Microseconds by stage. */
export interface Timings {
  readonly routeUs: number;
  readonly validateUs: number;
  readonly admitUs: number;
  readonly queueUs: number;
  readonly batchUs: number;
  readonly runUs: number;
  readonly postprocessUs: number;
  readonly totalUs: number;
}

/** The answer. */
export interface PredictResponse {
  readonly model: string;
  readonly version: string;
  readonly requestId: string;
  readonly outputs: readonly Tensor[];
  readonly timings: Timings;
  /** Rows of the batch it rode in. */
  readonly batchRows: number;
}
