// One traced request: its timestamps, and its form in a trace file.

/** Microseconds by stage, as a response carries them. */
export interface StageTimings {
  readonly routeUs: number;
  readonly validateUs: number;
  readonly admitUs: number;
  readonly queueUs: number;
  readonly batchUs: number;
  readonly runUs: number;
  readonly postprocessUs: number;
  readonly totalUs: number;
}

/** An answered request that was picked for a trace. */
export interface TracedRequest {
  readonly model: string;
  /** Decimal number of the version that answered. */
  readonly version: string;
  /** The caller's own id; "" when it gave none. */
  readonly requestId: string;
  /** When the server began with it, in milliseconds since the epoch; fractions count. */
  readonly startedAtEpochMs: number;
  readonly timings: StageTimings;
}

/** A point in time, in nanoseconds since the epoch. */
export interface Timestamp {
  readonly name: string;
  readonly ns: bigint;
}

/** A traced request as it is written. */
export interface Trace {
  /** Number of the trace, from 1. */
  readonly id: number;
  readonly model: string;
  readonly version: string;
  readonly requestId: string;
  readonly timestamps: readonly Timestamp[];
}

/** Makes the trace. Timestamps have a resolution of a microsecond and never run backwards. */
export function createTrace(id: number, { model, version, requestId, startedAtEpochMs, timings }: TracedRequest): Trace {
  let us = Math.round(startedAtEpochMs * 1000);
  const started = us;
  const after = (stageUs: number): bigint => toNs((us += stageUs));
  const timestamps: Timestamp[] = [
    // Triton's summary tool leaves out traces without it. Nothing is known of the time before the request was there.
    { name: "GRPC_WAITREAD_START", ns: toNs(started) },
    { name: "REQUEST_START", ns: toNs(started) },
    { name: "QUEUE_START", ns: after(timings.routeUs + timings.validateUs + timings.admitUs) },
    { name: "COMPUTE_START", ns: after(timings.queueUs) },
    { name: "COMPUTE_INPUT_END", ns: after(timings.batchUs) },
    { name: "COMPUTE_OUTPUT_START", ns: after(timings.runUs) },
    { name: "COMPUTE_END", ns: after(timings.postprocessUs) },
    // The stages are rounded one by one, so that together they may be longer than the whole.
    { name: "REQUEST_END", ns: toNs(Math.max(us, started + timings.totalUs)) },
  ];
  return { id, model, version, requestId, timestamps };
}

/**
 * Elements of Triton's JSON trace, without the brackets around: the arrival, the request, its timestamps. What reads them joins them by
 * their id. Nanoseconds and versions are numbers that may be above 2^53.
 */
export function renderTrace({ id, model, version, requestId, timestamps: [arrival, ...others] }: Trace): string {
  const request = requestId === "" ? "" : `,"request_id":${JSON.stringify(requestId)}`;
  return [
    renderTimestamps(id, arrival === undefined ? [] : [arrival]),
    `{"id":${id},"model_name":${JSON.stringify(model)},"model_version":${version}${request}}`,
    renderTimestamps(id, others),
  ].join(",\n");
}

function renderTimestamps(id: number, timestamps: readonly Timestamp[]): string {
  return `{"id":${id},"timestamps":[${timestamps.map(({ name, ns }) => `{"name":"${name}","ns":${ns}}`).join(",")}]}`;
}

function toNs(us: number): bigint {
  return BigInt(Math.round(us)) * 1000n;
}
