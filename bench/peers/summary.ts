// Medians over the rounds of a comparison, and who is ahead.

import { median } from "../lib/numbers.ts";
import { ceilingOf, isAboveCeiling, maxFailureShare } from "../loadgen/capacity.ts";
import type { LoadgenResult } from "../loadgen/result.ts";
import { peers } from "./peers.ts";
import { points } from "./points.ts";
import type { CapacityRecord, PointRecord, StoredRecord } from "./store.ts";

/** One server at one point, over all rounds. */
export interface Cell {
  readonly peer: string;
  readonly point: string;
  readonly records: readonly PointRecord[];
  readonly goodput: number;
  readonly lowest: number;
  readonly highest: number;
  /** Median of what its capacity allowed. */
  readonly ceiling: number;
  /** Whether the generator was too slow in any of the rounds. */
  readonly doubtful: boolean;
  /**
   * Whether nobody knows what multiple of its capacity it was given: calls failed while the capacity was measured, or more was answered in
   * time than the capacity allows. Never at the rate that is equal for all, which no capacity of its own decides.
   */
  readonly capacityUnknown: boolean;
}

/** Records of one kind. */
export function ofKind<Kind extends StoredRecord["kind"]>(
  records: readonly StoredRecord[],
  kind: Kind,
): readonly Extract<StoredRecord, { kind: Kind }>[] {
  return records.filter((record): record is Extract<StoredRecord, { kind: Kind }> => record.kind === kind);
}

/** Every measured pair of server and point. */
export function cellsOf(records: readonly StoredRecord[]): readonly Cell[] {
  const failing = new Set(ofKind(records, "capacity").flatMap((record) => (record.failureShare > maxFailureShare ? record.peer : [])));
  const groups = Map.groupBy(ofKind(records, "point"), ({ peer, point }) => `${peer} ${point}`);
  return [...groups.values()].map((group): Cell => {
    const { peer, point } = group[0]!;
    const goodputs = group.map(({ result }) => result.goodput);
    const goodput = median(goodputs);
    const ceiling = median(group.map(({ capacity, rate }) => ceilingOf(capacity, rate)));
    const source = peers.find(({ name }) => name === peer)?.capacityOf ?? peer;
    const ofOwn = points.find(({ name }) => name === point)?.of !== "predictd";
    return {
      peer,
      point,
      records: group,
      goodput,
      lowest: Math.min(...goodputs),
      highest: Math.max(...goodputs),
      ceiling,
      doubtful: group.some(({ result }) => !result.valid),
      capacityUnknown: ofOwn && (failing.has(source) || isAboveCeiling(goodput, ceiling)),
    };
  });
}

/** The run of a cell that is nearest to its median. */
export function typicalRun({ records, goodput }: Cell): LoadgenResult {
  return records.toSorted((a, b) => Math.abs(a.result.goodput - goodput) - Math.abs(b.result.goodput - goodput))[0]!.result;
}

/** Median of a figure over the rounds that have it; undefined where none has. */
export function medianOf<Row>(records: readonly Row[], pick: (record: Row) => number | undefined): number | undefined {
  const values = records.flatMap((record) => pick(record) ?? []);
  return values.length === 0 ? undefined : median(values);
}

/** Median capacity of a server. */
export function capacityOf(records: readonly StoredRecord[], peer: string): number | undefined {
  const own = ofKind(records, "capacity").filter((record) => record.peer === peer);
  return medianOf<CapacityRecord>(own, ({ rowsPerSecond }) => rowsPerSecond);
}

/** How one server and predictd compare at one point. */
export interface Comparison {
  readonly point: string;
  readonly peer: string;
  readonly peerGoodput: number;
  readonly ourGoodput: number;
  /** Whether the generator was too slow for either, or predictd's own capacity is unknown. */
  readonly doubtful: boolean;
}

/** The best of the others whose capacity is known at each point where predictd was measured too. At the equal rate predictd's own 1.3 × is that rate. */
export function bestPeers(cells: readonly Cell[]): readonly Comparison[] {
  return points.flatMap(({ name, of }) => {
    const ourPoint = of === "predictd" ? "poisson-1.3" : name;
    const ours = cells.find(({ peer, point }) => peer === "predictd" && point === ourPoint);
    const others = cells.filter(({ peer, point, capacityUnknown }) => peer !== "predictd" && point === name && !capacityUnknown);
    const best = others.toSorted((a, b) => b.goodput - a.goodput)[0];
    if (ours === undefined || best === undefined) return [];
    const doubtful = ours.doubtful || best.doubtful || (of === "own" && ours.capacityUnknown);
    return [{ point: name, peer: best.peer, peerGoodput: best.goodput, ourGoodput: ours.goodput, doubtful }];
  });
}
