// One call of a run, and how it ended.

/** A call on its way. */
export interface Call {
  /** Its place in the schedule. */
  readonly index: number;
  readonly classIndex: number;
  /** Scheduled time on the clock of `performance.now()`. */
  readonly dueMs: number;
  /** When its caller stops waiting, on the same clock; Infinity for never. */
  readonly deadlineAtMs: number;
  /** Whether its end has been counted. */
  done: boolean;
  /** Where the transport finds it again; -1 before it was sent. */
  handle: number;
}

/** How the server ended a call. */
export interface Ending {
  /** `OK`, a gRPC code, `HTTP 503`, `RESET 7` with HTTP/2's code, or `LOST` where the connection broke. */
  readonly status: string;
  /** Reason out of the details, where there are any. */
  readonly reason?: string;
  /** Stage out of the details, where there are any: `admit` for refusals on arrival. */
  readonly stage?: string;
  /** Whether the details say that the deadline had not passed, but would. */
  readonly predicted?: boolean;
}
