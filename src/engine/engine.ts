// The port every kind of engine stands behind: validated requests in, outputs and timings out.

import type { Call } from "../call.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A request that fits the version's signature. */
export interface EngineRequest {
  /** One tensor per input of the signature, in its order. */
  readonly inputs: readonly Tensor[];
  /** Rows: the first dimension of a batchable model, otherwise 1. */
  readonly rows: number;
  /** Requests with equal keys may share a run: every dimension beyond the first is equal. */
  readonly shapeKey: string;
  /** Indexes into the signature's outputs, in the order the caller wants them. */
  readonly outputs: readonly number[];
}

/** The outputs of one request and what its way through the engine cost. */
export interface EngineResult {
  /** One tensor per requested output, in the order asked for. */
  readonly outputs: readonly Tensor[];
  /** Rows of the batch it rode in; the largest one if it was split. */
  readonly batchRows: number;
  /** Waiting for an instance, in milliseconds. */
  readonly queueMs: number;
  /** Assembling the batch and handing it over, in milliseconds. */
  readonly batchMs: number;
  /** The model's run, in milliseconds. */
  readonly runMs: number;
  /** When the run's outputs arrived, on the clock of `performance.now()`. */
  readonly runEndedAt: number;
}

/** Counts of an engine since it was made, and gauges. */
export interface EngineStatistics {
  /** Runs of the model, warm-up not counted. */
  readonly batchCount: number;
  /** Rows answered by those runs. */
  readonly rowCount: number;
  /** Rows waiting now. */
  readonly queuedRows: number;
}

/** Runs one version of one model. */
export interface Engine {
  /** Takes a request in. Rejects with a ServiceError; an aborted call is answered at that moment, wherever it stands. */
  submit(request: EngineRequest, call: Call): Promise<EngineResult>;
  /** Counts and gauges. */
  statistics(): EngineStatistics;
  /** Finishes what it has, then frees everything. Requests submitted afterwards are refused. */
  close(): Promise<void>;
}
