// What a load generator is asked to do and what it reports: the JSON between the bench and its client processes.

/** Packages of the services that a load may go to. */
export type Service = "predictd.v1" | "inference";

/** One run of a load generator. */
export interface LoadSpec {
  /** `closed`: a fixed number of calls in flight; `open`: Poisson arrivals; `session`: messages of PredictSession streams. */
  readonly kind: "closed" | "open" | "session";
  /** Whose messages and methods: `inference` is the Open Inference Protocol's package. Default `predictd.v1`. */
  readonly service?: Service;
  readonly port: number;
  /**
   * File that holds the encoded PredictRequest (for `session`: PredictSessionRequest with the id `sessionIdPlaceholder`), or the
   * ModelInferRequest (for `session`: with that id).
   */
  readonly requestFile: string;
  readonly connections: number;
  /** Calls or messages in flight on each connection; the ceiling of it for `open`. */
  readonly inFlight: number;
  /** Streams on each connection, for `session`. Default 1. */
  readonly streams?: number;
  /** Session messages put into one DATA frame. Default 1, as most clients do. */
  readonly messagesPerFrame?: number;
  readonly warmupSeconds: number;
  readonly seconds: number;
  /** Arrivals per second, for `open`. */
  readonly rate?: number;
  /** `closed`: the generator polls its sockets instead of sleeping, so that its own waking up is not measured. */
  readonly polling?: boolean;
  /** Whether answers are decoded and the added latency is computed from their timings; only `predictd.v1` has them. */
  readonly timings?: boolean;
  readonly seed?: number;
}

/** Percentiles of one quantity in milliseconds. */
export interface Percentiles {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** What one run found. */
export interface LoadResult {
  /** OK answers in the measured time, per second. */
  readonly perSecond: number;
  /** OK answers of the whole run, warm-up included: what the server must have counted. */
  readonly okTotal: number;
  /** Answers that were not OK, of the whole run, by gRPC status; -1 for resets. */
  readonly failures: Readonly<Record<string, number>>;
  /** From sending (`open`: from the scheduled time) to the end of the call. */
  readonly latency: Percentiles;
  /** `open`: how late the generator was. */
  readonly lateness?: Percentiles;
  /** End to end less queue and run, from the answers' own timings. */
  readonly added?: Percentiles;
  /** Mean time in the queue and of the run that the answers tell, in milliseconds, and mean rows of their batches. */
  readonly queueMs?: number;
  readonly runMs?: number;
  readonly batchRows?: number;
  /** Share of one core that the generator used. */
  readonly cpuShare: number;
  /** Bytes of one answer message. */
  readonly answerBytes: number;
}

/** Stands in a session message where each copy gets an id of its own. */
export const sessionIdPlaceholder = "~~~";
