// Options of a run and what they default to.

import type { Arrivals } from "./arrivals.ts";
import { measuredSeconds } from "./schedule.ts";
import type { Schedule } from "./schedule.ts";
import type { Protocol } from "./target.ts";
import type { ValidityLimits } from "./validity.ts";

/** Options of one run. */
export interface RunOptions {
  /** Name of the server in tables and pages. Default `server`. */
  readonly name?: string;
  /** What is played, in a few words. Default: made from the schedule. */
  readonly label?: string;
  /** Multiple of the server's own capacity, for pages. */
  readonly load?: number;
  /** Core for the generator's process; default none of its own. */
  readonly core?: number;
  /** Default: enough for the calls that may wait at once, twice over. */
  readonly connections?: number;
  /** gRPC: calls on one connection at once, where the server does not allow fewer. Default 128. */
  readonly maxCallsPerConnection?: number;
  /** Whether calls are reset when their deadline has passed, as gRPC clients do. Default true. */
  readonly cancelAtDeadline?: boolean;
  /** How long answers are awaited past the deadline where calls are not reset, and past the last call without one. Default 1,000 ms. */
  readonly graceMs?: number;
  /** Width of the bins of the series. Default 100 ms, 1 s for more than 20 s. */
  readonly binMs?: number;
  readonly limits?: Partial<ValidityLimits>;
}

/** gRPC calls on one connection: half of what predictd allows, because a server counts calls that were reset until it has noticed. */
export const defaultCallsPerConnection = 128;
/** How long answers are awaited without a deadline. */
export const defaultGraceMs = 1000;

const minGrpcConnections = 4;
const maxGrpcConnections = 64;
const minHttpConnections = 32;
const maxHttpConnections = 4096;
const spare = 2;

function peakFactor(arrivals: Arrivals): number {
  if (arrivals.kind === "bursts") return Math.max(arrivals.highFactor, arrivals.lowFactor);
  return arrivals.kind === "steps" ? Math.max(...arrivals.steps.map(({ factor }) => factor)) : 1;
}

/** Connections that suffice for the calls that may be open at once when the server answers none. */
export function enoughConnections({ spec, classes }: Schedule, protocol: Protocol, callsPerConnection: number, graceMs: number): number {
  const waitMs = Math.max(...classes.map(({ deadlineMs }) => (deadlineMs === Infinity ? graceMs : deadlineMs)));
  const calls = (spec.rate * peakFactor(spec.arrivals) * waitMs * spare) / 1000;
  const [least, most, perConnection] =
    protocol === "oip-grpc" ? [minGrpcConnections, maxGrpcConnections, callsPerConnection] : [minHttpConnections, maxHttpConnections, 1];
  return Math.min(most, Math.max(least, Math.ceil(calls / perConnection)));
}

/** What is played, in a few words: `poisson 2,000/s, 80 ms, 15 s`. */
export function labelOf({ spec }: Schedule): string {
  const deadlines = spec.deadlinesMs.map(({ value }) => (value === Infinity ? "no deadline" : `${value} ms`));
  return `${spec.arrivals.kind} ${Math.round(spec.rate)}/s, ${deadlines.join(" / ")}, ${measuredSeconds(spec)} s`;
}
