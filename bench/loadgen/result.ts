// What a run of the load generator reports, as it stands in its JSON.

import type { Percentiles } from "../clients/load-spec.ts";
import type { CallClass, ScheduleSpec } from "./schedule.ts";

/** What all calls of a run, or those of one class, came to. Every offered call is counted in exactly one of the six groups. */
export interface Counts {
  /** Calls scheduled in the measured time. */
  readonly offered: number;
  /** Answered OK within their deadline, counted from the scheduled time. */
  readonly good: number;
  /** Answered OK after their deadline. */
  readonly late: number;
  /** Neither answered nor refused when the caller stopped waiting; a server's word at that time that the deadline has passed is no refusal. */
  readonly unanswered: number;
  /** Ended by the server with a status that is not OK, while the caller still waited. */
  readonly refused: number;
  /** No connection had a free slot until the caller stopped waiting. */
  readonly unsent: number;
  /** The stream or connection broke. */
  readonly lost: number;
}

/** Counts of the calls that were due in one stretch of time. */
export interface Bin extends Counts {
  /** Begin, in milliseconds from the end of the warm-up. */
  readonly atMs: number;
  /** Of OK answers in milliseconds; absent without any. */
  readonly p50Ms?: number;
  readonly p99Ms?: number;
}

/** How refusals went. */
export interface Refusals {
  /** From the scheduled time to the refusal, in milliseconds. */
  readonly ms: Percentiles;
  /** Share that reached the caller within 5 ms. */
  readonly within5Ms: number;
  /** Share whose details say that they were refused on arrival; absent where no details tell. */
  readonly onArrival?: number;
}

/** One run. */
export interface LoadgenResult extends Counts {
  /** Name of the server, for tables and pages. */
  readonly name: string;
  /** What was played, in a few words. */
  readonly label: string;
  /** Multiple of the server's own capacity, where the caller said so. */
  readonly load?: number;
  readonly target: string;
  readonly schedule: ScheduleSpec;
  /** False when the generator itself was too slow: then the figures say nothing about the server. */
  readonly valid: boolean;
  readonly invalidBecause: readonly string[];
  /** `good` / `offered`. */
  readonly goodput: number;
  /** `late` and `unanswered` together / `offered`: callers that waited in vain. */
  readonly lateShare: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** Refusals by `STATUS REASON stage`, where the server's details say so. */
  readonly byReason: Readonly<Record<string, number>>;
  /** OK answers, late ones too, from the scheduled time, in milliseconds; absent without any. */
  readonly latencyMs?: Percentiles;
  readonly refusals?: Refusals;
  /** Rows per run that the server counted over the whole run, where it tells. */
  readonly meanBatch?: number;
  readonly generator: {
    /** From the scheduled time to the sending, in milliseconds. */
    readonly latenessMs: Percentiles;
    /** Share of one core. */
    readonly cpuShare: number;
    /** Calls that found no free slot when they were due; warm-up included. */
    readonly blockedCount: number;
    readonly connectionCount: number;
  };
  /** By class of calls, where there are several. */
  readonly byClass: readonly (CallClass & Counts & { readonly goodput: number })[];
  readonly binMs: number;
  readonly series: readonly Bin[];
}
