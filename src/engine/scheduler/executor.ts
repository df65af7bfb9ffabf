// What the scheduler needs of whatever runs batches: lanes, instances and their outcome.

import type { DType } from "../../tensor/dtype.ts";
import type { EngineRequest } from "../engine.ts";

/** A range of rows of one request, to be put into a batch. */
export interface BatchPart {
  /** The request. */
  readonly request: EngineRequest;
  /** First row taken. */
  readonly firstRow: number;
  /** Rows taken. */
  readonly rows: number;
}

/** One output of a batch, all rows together. */
export interface OutputBlock {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Elements as in `Tensor.bytes`. */
  readonly bytes: Uint8Array;
}

/** A run that went well. */
export interface BatchOutcome {
  /** By index in the signature's outputs; only those asked for are set. */
  readonly outputs: readonly (OutputBlock | undefined)[];
  /** The model's run in milliseconds. */
  readonly runMs: number;
}

/** The run itself failed, because of its input or the model. The runtime's text is for the log only. */
export class RunFailure extends Error {
  override readonly name = "RunFailure";
  /** Whether the runtime blames a kernel, so that one row's values may be the cause. */
  readonly dataDependent: boolean;

  constructor(message: string, dataDependent: boolean) {
    super(message);
    this.dataDependent = dataDependent;
  }
}

/** A place where one run happens at a time; instances of several models may share it. */
export interface Lane {
  /** False while its worker is being replaced. */
  readonly available: boolean;
  /** Told whenever `available` has become true again. */
  onAvailable(listener: () => void): void;
  /**
   * Ends whatever runs there at once: its callers get WORKER_LOST, and the worker is replaced. Undefined where nothing short of the
   * server's own end could do that.
   */
  readonly kill?: (() => void) | undefined;
}

/** Something whose power all lanes share that run on it: a graphics processor, the cores of the machine. */
export interface Device {
  /** For people, e.g. `cuda:0`. */
  readonly name: string;
  /** A batch starts only while one of so many is left, and keeps what it takes until its run has ended. */
  readonly tokens: number;
  /** Whether others may go on when runs that have hung hold every token. */
  readonly outlivesHungRuns: boolean;
}

/** One session of a model version on a lane. */
export interface Instance {
  readonly lane: Lane;
  /** What its runs use, shared by instances on any lane; undefined when nothing but the lane limits them. */
  readonly device?: Device | undefined;
  /** Tokens of the device that a run takes; 1 by default. */
  readonly tokens?: number;
  /**
   * Runs a batch. Where it has more rows than its parts, what is missing is filled up with anything the model takes; the outputs have those
   * rows too, behind the others. Copies every row before it returns to the caller's stack, so that the requests' bytes may be reused at once.
   * Rejects with RunFailure, or with a ServiceError WORKER_LOST.
   */
  run(parts: readonly BatchPart[], rows: number, outputs: readonly number[]): Promise<BatchOutcome>;
}
