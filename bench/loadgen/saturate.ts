// Closed loop: a fixed number of calls in flight, which finds what the server can take.

import type { Percentiles } from "../clients/load-spec.ts";
import { createSamples } from "../clients/samples.ts";
import type { Call } from "./call.ts";
import { openTransport } from "./open-transport.ts";
import { batchCounts, meanBatch } from "./server-facts.ts";
import type { Target } from "./target.ts";
import type { Transport } from "./transport.ts";

/** Settings of a closed loop. */
export interface SaturateOptions {
  readonly model: string;
  /** Calls in flight over all connections. Default 128. */
  readonly inFlight?: number;
  /** Default 2; of HTTP as many as calls in flight. */
  readonly connections?: number;
  /** Rows of a call. Default 1. */
  readonly rows?: number;
  /** Default 3. */
  readonly seconds?: number;
  /** Default 1. */
  readonly warmupSeconds?: number;
  /** Core for the generator's process. */
  readonly core?: number;
}

/** What the server took. */
export interface Saturation {
  readonly rowsPerSecond: number;
  readonly callsPerSecond: number;
  readonly latencyMs: Percentiles;
  readonly meanBatch?: number;
  /** Calls that did not end with OK, by status. */
  readonly failures: Readonly<Record<string, number>>;
  /** Of all calls, those of the warm-up too: above 1 % the rate is not what the server can take, but what it chose to answer. */
  readonly failureShare: number;
  /** Share of one core that the generator used: near 1 it was the limit itself. */
  readonly cpuShare: number;
}

const defaultInFlight = 128;
const defaultSeconds = 3;
const defaultWarmupSeconds = 1;

/** Keeps calls in flight for the time given. @throws Error when the server cannot be reached or answers nothing with OK. */
export async function saturate(target: Target, options: SaturateOptions): Promise<Saturation> {
  const { model, inFlight = defaultInFlight, rows = 1, seconds = defaultSeconds, warmupSeconds = defaultWarmupSeconds } = options;
  const connections = target.protocol === "oip-grpc" ? (options.connections ?? 2) : inFlight;
  const callClass = { model, rows, deadlineMs: Infinity };
  const latency = createSamples();
  const failures: Record<string, number> = {};
  let failedCount = 0;
  let endedCount = 0;
  let open = 0;
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let fromMs = Infinity;
  let untilMs = Infinity;

  const start = (transport: Transport): void => {
    const nowMs = performance.now();
    const call: Call = { index: 0, classIndex: 0, dueMs: nowMs, deadlineAtMs: Infinity, done: false, handle: -1 };
    if (nowMs < untilMs && transport.tryStart(call, nowMs)) open++;
    else if (open === 0) resolve();
  };
  const transport: Transport = await openTransport(
    target,
    [callClass],
    { connections, maxCallsPerConnection: Math.ceil(inFlight / connections) },
    {
      ended(call, { status }) {
        const nowMs = performance.now();
        open--;
        endedCount++;
        if (status !== "OK") {
          failedCount++;
          failures[status] = (failures[status] ?? 0) + 1;
        } else if (nowMs >= fromMs && nowMs < untilMs) latency.add(nowMs - call.dueMs);
        start(transport);
      },
    },
  );
  const before = await batchCounts(target, [model]);
  fromMs = performance.now() + warmupSeconds * 1000;
  untilMs = fromMs + seconds * 1000;
  const cpuFrom = process.cpuUsage();
  const beganMs = performance.now();
  for (let i = 0; i < inFlight; i++) start(transport);
  transport.flush();
  await done;
  const cpu = process.cpuUsage(cpuFrom);
  const cpuShare = (cpu.user + cpu.system) / 1000 / (performance.now() - beganMs);
  transport.close();
  const latencyMs = latency.percentiles();
  if (latencyMs.count === 0) throw new Error(`No call was answered with OK: ${JSON.stringify(failures)}`);
  const callsPerSecond = latencyMs.count / seconds;
  const batch = meanBatch(before, await batchCounts(target, [model]));
  const failureShare = failedCount / endedCount;
  return { rowsPerSecond: callsPerSecond * rows, callsPerSecond, latencyMs, meanBatch: batch, failures, failureShare, cpuShare };
}
