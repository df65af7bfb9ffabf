// Results of a comparison in a folder, a file each, so that a comparison that was broken off goes on where it stopped.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LoadgenResult } from "../loadgen/result.ts";

/** What a server could take in one round. */
export interface CapacityRecord {
  readonly kind: "capacity";
  readonly peer: string;
  readonly round: number;
  readonly rowsPerSecond: number;
  readonly p99Ms: number;
  readonly meanBatch?: number;
  /** Share of the calls that failed while it was measured: above 1 % it is not known. */
  readonly failureShare: number;
  /** Share of a core that the generator used: near 1 it was the limit itself. */
  readonly generatorCpuShare: number;
  /** From the start of the process to the first right answer. */
  readonly startMs: number;
}

/** One point of one server in one round. */
export interface PointRecord {
  readonly kind: "point";
  readonly peer: string;
  readonly point: string;
  readonly round: number;
  /** Calls per second that were offered. */
  readonly rate: number;
  /** The server's own capacity in that round. */
  readonly capacity: number;
  /** CPU time of all its processes per offered call, in microseconds; 0 where /proc is missing. */
  readonly cpuUsPerCall: number;
  /** Runs that were thrown away because the generator was too slow. */
  readonly discardedCount: number;
  /** Whether it no longer answered afterwards and had to be started anew. */
  readonly hung: boolean;
  readonly result: LoadgenResult;
}

/** Why a server has no results. */
export interface FailureRecord {
  readonly kind: "failure";
  readonly peer: string;
  readonly round: number;
  readonly reason: string;
}

/** What is the same for a whole comparison. */
export interface ComparisonRecord {
  readonly kind: "comparison";
  /** Measured run of a full batch, in milliseconds. */
  readonly fullBatchMs: number;
  readonly seconds: number;
  readonly maxBatch: number;
  readonly date: string;
}

/** From when and which code a record is: a folder may be filled by several runs. */
export interface Origin {
  /** Short hash; `unknown` where nothing says. */
  readonly commit: string;
  /** When it was written, as 2026-01-31T12:00:00.000Z; `unknown` where nothing says. */
  readonly at: string;
}

/** Anything that can be kept. */
export type NewRecord = CapacityRecord | PointRecord | FailureRecord | ComparisonRecord;
/** Anything that is kept. */
export type StoredRecord = NewRecord & Origin;

/** The folder of a comparison. */
export interface ResultStore {
  readonly folder: string;
  /** Of the code that runs now. */
  readonly commit: string;
  read<Kind extends StoredRecord["kind"]>(
    kind: Kind,
    ...key: readonly (string | number)[]
  ): Extract<StoredRecord, { kind: Kind }> | undefined;
  /** Keeps a record with its origin, instead of one with the same key. */
  write(record: NewRecord, ...key: readonly (string | number)[]): void;
  all(): readonly StoredRecord[];
}

function parse(file: string): StoredRecord {
  // Written by `write`.
  return { commit: "unknown", at: "unknown", ...JSON.parse(readFileSync(file, "utf8")) } as StoredRecord;
}

/** Opens a folder, and makes it where there is none. @param commit of the code that runs. */
export function openStore(folder: string, commit: string): ResultStore {
  mkdirSync(folder, { recursive: true });
  const fileOf = (kind: string, key: readonly (string | number)[]): string => join(folder, `${[kind, ...key].join("-")}.json`);
  return {
    folder,
    commit,
    read<Kind extends StoredRecord["kind"]>(kind: Kind, ...key: readonly (string | number)[]) {
      const file = fileOf(kind, key);
      // The kind begins the name of the file.
      return existsSync(file) ? (parse(file) as Extract<StoredRecord, { kind: Kind }>) : undefined;
    },
    write(record, ...key) {
      const origin: Origin = { commit, at: new Date().toISOString() };
      writeFileSync(fileOf(record.kind, key), `${JSON.stringify({ ...record, ...origin })}\n`);
    },
    all: () =>
      readdirSync(folder)
        .filter((name) => name.endsWith(".json"))
        .toSorted()
        .map((name) => parse(join(folder, name))),
  };
}
