// Open loop for one kind of request: Poisson arrivals played by the load generator, booked as the other loads of the bench are.

import type { Call } from "../loadgen/call.ts";
import { grpcCodes } from "../loadgen/grpc-ending.ts";
import { openGrpcTransport } from "../loadgen/grpc-transport.ts";
import { playSchedule } from "../loadgen/player.ts";
import type { Records } from "../loadgen/records.ts";
import { makeSchedule } from "../loadgen/schedule.ts";
import type { LoadResult, LoadSpec } from "./load-spec.ts";
import { startTally } from "./tally.ts";
import type { Tally } from "./tally.ts";

const graceMs = 5000;
const defaultRate = 1000;
/** gRPC's RESOURCE_EXHAUSTED, for calls that were never sent. */
const unsentStatus = 8;

function statusOf({ outcome, ending }: Records, index: number): number {
  return outcome[index] === "unsent" ? unsentStatus : grpcCodes.indexOf(ending[index]?.status ?? "");
}

/** Runs Poisson arrivals of `spec.rate` per second; latency counts from the scheduled time, so that a late generator hides nothing. */
export async function runOpenLoop(spec: LoadSpec, path: string, request: Uint8Array): Promise<LoadResult> {
  const schedule = makeSchedule({
    seed: spec.seed ?? 1,
    arrivals: { kind: "poisson" },
    rate: spec.rate ?? defaultRate,
    seconds: spec.seconds,
    warmupSeconds: spec.warmupSeconds,
    deadlinesMs: [{ value: Infinity, weight: 1 }],
    rows: [{ value: 1, weight: 1 }],
    models: [{ value: "", weight: 1 }],
  });
  let tally: Tally | undefined;
  let startedMs = 0;
  const answer = (call: Call, message: Buffer): void => tally?.answer(performance.now(), call.dueMs, message);
  const { records } = await playSchedule(
    schedule,
    { cancelAtDeadline: false, graceMs },
    (events) => {
      const { port, connections, inFlight: maxCallsPerConnection } = spec;
      return openGrpcTransport({ host: "127.0.0.1", port, path, messages: [request], connections, maxCallsPerConnection, answer }, events);
    },
    {
      started(startMs) {
        startedMs = startMs;
        tally = startTally(spec, startMs);
      },
    },
  );
  if (tally === undefined) throw new Error("A schedule that was played without a start. This is a bug.");
  for (const [index, at] of schedule.atMs.entries()) {
    const dueMs = startedMs + at;
    tally.late(dueMs, records.latenessMs[index]!);
    tally.finish(dueMs + records.endMs[index]!, dueMs, statusOf(records, index));
  }
  return tally.result();
}
