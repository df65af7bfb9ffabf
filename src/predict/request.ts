// A prediction as every transport hands it in and gets it back.

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
}

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
