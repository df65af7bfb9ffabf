// What a prediction is asked with and answered by.

import type { Tensor } from "./tensors.ts";

/** One prediction to make. */
export interface PredictRequest {
  /** Name of the model. */
  readonly model: string;
  /** Version, a decimal number; default: the highest one that is ready. */
  readonly version?: string;
  /** The caller's own id for logs, echoed in the result; at most 128 bytes; default: none. */
  readonly requestId?: string;
  /** Every required input of the signature exactly once, in any order. */
  readonly inputs: readonly Tensor[];
  /** Names of the outputs wanted, in this order; default: all, in the order of the signature. */
  readonly outputs?: readonly string[];
}

/** One prediction made. */
export interface PredictResult {
  /** Model that answered. */
  readonly model: string;
  /** Version that answered. */
  readonly version: string;
  /** The request's id; "" when it had none. */
  readonly requestId: string;
  /** The outputs, in the order asked for. */
  readonly outputs: readonly Tensor[];
  /** How long each stage took on the server. */
  readonly timings: Timings;
  /** Rows in the batch this prediction rode in, its own included; of the largest batch when the request was split. */
  readonly batchRows: number;
}

/** Stages of one prediction in microseconds; 0 for one that did not happen. */
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

/** Results of some rows of a `predictStream` request. */
export interface PredictChunk extends PredictResult {
  /** Index of the chunk's first row in the request. */
  readonly firstRow: number;
  /** Rows answered so far, this chunk included. */
  readonly rowsDone: number;
  /** Rows of the whole request. */
  readonly rowsTotal: number;
}
