// The port every kind of engine stands behind: validated requests in, outputs and timings out.

import type { Call } from "../call.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** How long the rows of a request are. */
export interface RequestLength {
  /** Their own length, at least 1. */
  readonly length: number;
  /** The length they have in a run, unless that takes longer ones too. */
  readonly paddedLength: number;
}

/** A request that fits the version's signature. */
export interface EngineRequest {
  /** One tensor per input of the signature, in its order. */
  readonly inputs: readonly Tensor[];
  /** Rows: the first dimension of a batchable model, otherwise 1. */
  readonly rows: number;
  /** Requests with equal keys may share a run: every dimension beyond the first is equal, after padding where there is any. */
  readonly shapeKey: string;
  /** Undefined where nothing is padded. */
  readonly padding?: RequestLength | undefined;
  /** Indexes into the signature's outputs, in the order the caller wants them. */
  readonly outputs: readonly number[];
  /** How urgent within the model's levels: 1 is the highest, 0 the model's default. */
  readonly priority: number;
  /** Longest wait for the start of the run in milliseconds; 0 for the model's default. */
  readonly queueTimeoutMs: number;
}

/** The outputs of one request and what its way through the engine cost; of one that was split, the way of the part that came home last. */
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

/** One of several results of one request. */
export interface StreamedResult extends EngineResult {
  /** Whether it is the request's last one; an engine that learns this too late ends with a result without outputs. */
  readonly last: boolean;
}

/** What the runs of one batch size have cost since the engine was made. */
export interface BatchStatistics {
  /** Rows of each of these runs. */
  readonly rows: number;
  readonly count: number;
  /** Assembling batches and handing them over, in milliseconds. */
  readonly batchMs: number;
  /** The model's runs, in milliseconds. */
  readonly runMs: number;
  /** Cutting the outputs into those of each request, in milliseconds. */
  readonly postprocessMs: number;
}

/** How long runs of similar size took, in milliseconds. */
export interface RunDistribution {
  /** Rows of the largest ones, a power of two; they have more than half of that. */
  readonly maxRows: number;
  readonly runMs: Distribution;
}

/** What became of the requests of one level of priority. */
export interface LevelStatistics {
  /** 1 is the highest; 0 for a model without levels; 64 stands for all from there on. */
  readonly level: number;
  /** Answered before the deadline. */
  readonly onTimeCount: number;
  /** Answered, but the deadline had passed. */
  readonly lateCount: number;
  /** Wait of the answered ones for the start of their run, in milliseconds. */
  readonly queueMs: Distribution;
}

/** How often values have been seen. */
export interface Distribution {
  /** Upper bounds of all buckets but the last, ascending. */
  readonly bounds: readonly number[];
  /** By bucket, one more than there are bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}

/** What the scheduler has decided since the engine was made. */
export interface SchedulingStatistics {
  /** Whether an instance is held by a run that does not end, or has just got rid of one. */
  readonly isDegraded: boolean;
  /** Requests that were not run, by why. */
  readonly shed: {
    /** On arrival, DEADLINE_EXCEEDED: would have been late on an idle server too. */
    readonly hopeless: number;
    /** On arrival, RESOURCE_EXHAUSTED: would be late because of what goes before. */
    readonly tooBusy: number;
    /** On arrival: no room, or no instance that answers. */
    readonly full: number;
    /** DEADLINE_EXCEEDED when a batch was formed. */
    readonly droppedAtDispatch: number;
    /** DEADLINE_EXCEEDED while they waited: the last possible start had passed. */
    readonly expired: number;
  };
  /** Requests let in against the prediction, to see whether it still holds. */
  readonly explored: number;
  /** Batches by why they left: full; an instance was idle; the longest wait was over; cut for the sake of an urgent request. */
  readonly dispatches: { readonly full: number; readonly idle: number; readonly gate: number; readonly slack: number };
  /** Run times over their safe predictions. */
  readonly predictRatio: Distribution;
  /** Which share of a run's length is padding, from 0 to 1; only of requests that may be padded. */
  readonly padRatio: Distribution;
  /** By size, smallest first. */
  readonly runs: readonly RunDistribution[];
  /** By level, highest first; only those that have answered somebody. */
  readonly levels: readonly LevelStatistics[];
  /** Run time of rows that nobody was waiting for any more when they came back, in milliseconds. */
  readonly wastedRunMs: number;
}

/** Counts of an engine since it was made, and gauges. */
export interface EngineStatistics {
  /** Runs of the model, warm-up not counted. */
  readonly batchCount: number;
  /** Rows answered by those runs. */
  readonly rowCount: number;
  /** Rows waiting now. */
  readonly queuedRows: number;
  /** By the rows that really ran, smallest first. */
  readonly batches: readonly BatchStatistics[];
  /** Undefined for engines that do not decide. */
  readonly scheduling?: SchedulingStatistics;
}

/** Runs one version of one model. */
export interface Engine {
  /** Takes a request in. Rejects with a ServiceError; an aborted call is answered at that moment, wherever it stands. */
  submit(request: EngineRequest, call: Call): Promise<EngineResult>;
  /**
   * Set by decoupled engines, which answer a request any number of times; `submit` is not called then. Exactly one result, the final one,
   * is the `last`. Throws ServiceErrors only. An aborted call or a consumer that returns early ends the work.
   */
  readonly stream?: (request: EngineRequest, call: Call) => AsyncIterable<StreamedResult>;
  /** Counts and gauges. */
  statistics(): EngineStatistics;
  /** Finishes what it has, then frees everything. Requests submitted afterwards are refused. */
  close(): Promise<void>;
}
