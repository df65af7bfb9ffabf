// Counts the outcomes of one run: OK answers, failures, latencies and the measured window.

import { createSamples } from "./samples.ts";
import type { LoadResult, LoadSpec } from "./load-spec.ts";
import { PredictResponse } from "../../generated/predictd/v1/prediction.ts";

/** The running counts of one load generator. */
export interface Tally {
  /** False once the time is over: nothing new is to be sent. */
  running(nowMs: number): boolean;
  /** Counts one finished call; `status` is the gRPC status. */
  finish(nowMs: number, startedMs: number, status: number): void;
  /** Takes the bytes of an answer, for the timings. */
  answer(nowMs: number, startedMs: number, message: Uint8Array): void;
  late(nowMs: number, byMs: number): void;
  result(): LoadResult;
}

/** Starts the clock of a run, by default now. */
export function startTally(spec: LoadSpec, startMs = performance.now()): Tally {
  const fromMs = startMs + spec.warmupSeconds * 1000;
  const untilMs = fromMs + spec.seconds * 1000;
  const cpuFrom = process.cpuUsage();
  const beganMs = performance.now();
  const latency = createSamples();
  const lateness = createSamples();
  const added = createSamples();
  const failures: Record<string, number> = {};
  let okMeasured = 0;
  let okTotal = 0;
  let queueUs = 0;
  let runUs = 0;
  let batchRows = 0;
  let answerBytes = 0;
  const measured = (nowMs: number): boolean => nowMs >= fromMs && nowMs < untilMs;
  // Arrivals that were scheduled in the window belong to it, however late they are answered.
  const belongs = (nowMs: number, startedMs: number): boolean => measured(spec.kind === "open" ? startedMs : nowMs);

  return {
    running: (nowMs) => nowMs < untilMs,
    finish(nowMs, startedMs, status) {
      if (status !== 0) {
        failures[status] = (failures[status] ?? 0) + 1;
        return;
      }
      okTotal++;
      if (!belongs(nowMs, startedMs)) return;
      okMeasured++;
      latency.add(nowMs - startedMs);
    },
    answer(nowMs, startedMs, message) {
      answerBytes = message.length;
      if (spec.timings !== true || !belongs(nowMs, startedMs)) return;
      const response = PredictResponse.decode(message);
      const queue = Number(response.timings?.queueUs ?? 0n);
      const run = Number(response.timings?.runUs ?? 0n);
      queueUs += queue;
      runUs += run;
      batchRows += response.batchRows;
      added.add(nowMs - startedMs - (queue + run) / 1000);
    },
    late(nowMs, byMs) {
      if (measured(nowMs)) lateness.add(byMs);
    },
    result() {
      const cpu = process.cpuUsage(cpuFrom);
      const decoded = added.percentiles();
      return {
        perSecond: okMeasured / spec.seconds,
        okTotal,
        failures,
        latency: latency.percentiles(),
        lateness: spec.kind === "open" ? lateness.percentiles() : undefined,
        added: spec.timings === true ? decoded : undefined,
        queueMs: spec.timings === true ? queueUs / 1000 / decoded.count : undefined,
        runMs: spec.timings === true ? runUs / 1000 / decoded.count : undefined,
        batchRows: spec.timings === true ? batchRows / decoded.count : undefined,
        cpuShare: (cpu.user + cpu.system) / 1000 / (performance.now() - beganMs),
        answerBytes,
      };
    },
  };
}
