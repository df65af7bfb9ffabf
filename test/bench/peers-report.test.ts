// What a comparison comes to: medians over rounds, who is ahead, what was not measured, and where a broken-off run goes on.

import { afterAll, expect, test } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ceilingOf } from "../../bench/loadgen/capacity.ts";
import type { LoadgenResult } from "../../bench/loadgen/result.ts";
import { points, pointsNamed, scheduleOf } from "../../bench/peers/points.ts";
import { renderPeers } from "../../bench/peers/report.ts";
import { openStore } from "../../bench/peers/store.ts";
import type { NewRecord, PointRecord, StoredRecord } from "../../bench/peers/store.ts";
import { bestPeers, cellsOf, typicalRun } from "../../bench/peers/summary.ts";

const folder = mkdtempSync(join(tmpdir(), "predictd-peers-report-"));
afterAll(() => rmSync(folder, { recursive: true }));

function resultOf(name: string, goodput: number, valid = true): LoadgenResult {
  const offered = 1000;
  const good = Math.round(goodput * offered);
  const schedule = scheduleOf(points[0]!, "m", 10, 1, 1).spec;
  const latenessMs = { count: 1, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 };
  const generator = { latenessMs, cpuShare: 0, blockedCount: 0, connectionCount: 1 };
  const counts = { offered, good, refused: offered - good, late: 0, unanswered: 0, unsent: 0, lost: 0, goodput, lateShare: 0 };
  const details = { byStatus: {}, byReason: {}, byClass: [], binMs: 100, series: [], generator };
  return { name, label: "", target: "", schedule, valid, invalidBecause: [], ...counts, ...details };
}

const origin = { commit: "abc", at: "2026-01-31T12:00:59.000Z" };

function pointRecord(peer: string, point: string, round: number, goodput: number, valid = true): PointRecord & typeof origin {
  const figures = { rate: 1300, capacity: 1000, cpuUsPerCall: 800, discardedCount: 0, hung: false };
  return { ...origin, kind: "point", peer, point, round, ...figures, result: resultOf(peer, goodput, valid) };
}

function failureShare(peer: string, share: number): StoredRecord {
  const figures = { rowsPerSecond: 1000, p99Ms: 1, generatorCpuShare: 0.1, startMs: 1 };
  return { ...origin, kind: "capacity", peer, round: 1, ...figures, failureShare: share };
}

function bestAt(all: readonly StoredRecord[]): readonly string[] {
  return bestPeers(cellsOf(all)).map(({ point, peer }) => `${point} ${peer}`);
}

const records: readonly StoredRecord[] = [
  { ...origin, kind: "comparison", fullBatchMs: 18.2, seconds: 15, maxBatch: 32, date: "2026-01-31" },
  ...[0.7, 0.74, 0.72].map((goodput, i) => pointRecord("predictd", "poisson-1.3", i + 1, goodput)),
  ...[0.6, 0.8, 0.76].map((goodput, i) => pointRecord("triton-tuned", "poisson-1.3", i + 1, goodput, i > 0)),
  pointRecord("mlserver", "poisson-1.3", 1, 0),
  pointRecord("predictd", "poisson-1.3-mixed", 1, 0.7),
  pointRecord("triton", "poisson-1.3-mixed", 1, 0.5),
  pointRecord("triton", "equal-1.3", 1, 0.1),
  { ...origin, kind: "failure", peer: "ray", round: 1, reason: "ray is not installed\nand more" },
];

test("a cell is the median of its rounds with their spread, in doubt when a round is", () => {
  const cells = cellsOf(records);
  const tuned = cells.find(({ peer }) => peer === "triton-tuned")!;
  expect(tuned).toMatchObject({ goodput: 0.76, lowest: 0.6, highest: 0.8, doubtful: true });
  expect(tuned.ceiling).toBeCloseTo(1 / 1.3, 6);
  expect(typicalRun(tuned).goodput).toBe(0.76);
  expect(cells.find(({ peer }) => peer === "predictd")).toMatchObject({ goodput: 0.72, doubtful: false });
});

test("the best of the others is held against predictd, at the equal rate against its own 1.3 x", () => {
  expect(bestPeers(cellsOf(records))).toEqual([
    { point: "poisson-1.3", peer: "triton-tuned", peerGoodput: 0.76, ourGoodput: 0.72, doubtful: true },
    { point: "poisson-1.3-mixed", peer: "triton", peerGoodput: 0.5, ourGoodput: 0.7, doubtful: false },
    { point: "equal-1.3", peer: "triton", peerGoodput: 0.1, ourGoodput: 0.72, doubtful: false },
  ]);
});

test("the page says where a peer is ahead and who was left out", () => {
  const page = renderPeers(records, "the command", "abc");
  expect(page).toContain("| 1.3 × | 0.720 | triton-tuned 0.760 | 0.947 | in doubt |");
  const sure = records.filter((record) => record.kind !== "point" || record.result.valid);
  expect(renderPeers(sure, "the command", "abc")).toContain("| 1.3 × | 0.720 | triton-tuned 0.780 | 0.923 | **the peer is ahead** |");
  expect(page).toContain("| 1.3 ×, 48/160 ms | 0.700 | triton 0.500 | 1.4 | predictd |");
  expect(page).toContain("Every server runs with the C library's large pages (`GLIBC_TUNABLES=glibc.malloc.hugetlb=1`)");
  expect(page).toContain(
    "MLServer 1.7.1, BentoML 1.4.39, LitServe 0.2.19 and Ray Serve 2.60.0 are measured at “0.5 ×” and “1.3 ×” only.\n",
  );
  expect(page).toContain("timeouts tuned by every client is measured at “bursts, mean 0.6 ×, 48/160 ms” and “1.3 ×, 48/160 ms” only.\n");
  expect(page).toContain("0.760 (0.600–0.800) ? |");
  expect(page).toContain("- Ray Serve 2.60.0: not measured: ray is not installed\n");
  expect(page).toContain("- LitServe 0.2.19: not measured: not asked for\n");
});

test("a server that failed calls while its capacity was measured, or answered more than that allows, is ahead of nobody", () => {
  const all = ["poisson-1.3 triton-tuned", "poisson-1.3-mixed triton", "equal-1.3 triton"];
  expect(bestAt([...records, failureShare("triton", 0.01)])).toEqual(all);
  // Triton's capacity is that of its variants too; at the equal rate it decides nothing.
  const failing = [...records, failureShare("triton", 0.011)];
  expect(bestAt(failing)).toEqual(["poisson-1.3 mlserver", "equal-1.3 triton"]);
  expect(renderPeers(failing, "the command", "abc")).toContain("0.760 (0.600–0.800) ? capacity unknown");
  const limit = ceilingOf(1000, 1300) + 0.02;
  expect(bestAt([...records, pointRecord("naive", "poisson-1.3", 1, Math.floor(limit * 1000) / 1000)])[0]).toBe("poisson-1.3 naive");
  expect(bestAt([...records, pointRecord("naive", "poisson-1.3", 1, Math.ceil(limit * 1000) / 1000)])[0]).toBe("poisson-1.3 triton-tuned");
  const ours = [failureShare("predictd", 0.5), ...records.filter((record) => record.kind !== "point" || record.result.valid)];
  expect(bestPeers(cellsOf(ours)).map(({ doubtful }) => doubtful)).toEqual([true, true, false]);
});

test("the page says from when and which commits its figures are, and how large a row is", () => {
  expect(renderPeers(records, "the command", "def")).toContain(
    "Written by `the command` at commit def. Measured from 2026-01-31 12:00 to 2026-01-31 12:00 UTC at commit abc.\n",
  );
  const later = { ...pointRecord("naive", "poisson-1.3", 1, 0.1), commit: "def", at: "2026-02-01T08:30:00.000Z" };
  const page = renderPeers([later, ...records], "the command", "def");
  expect(page).toContain("Measured from 2026-01-31 12:00 to 2026-02-01 08:30 UTC at commits abc and def.\n");
  expect(page).toContain("and 19.7 KB in JSON");
});

test("what a folder holds is not measured again", () => {
  const store = openStore(folder, "abc");
  expect(store.read("point", 1, "triton", "poisson-0.5")).toBeUndefined();
  const record: NewRecord = pointRecord("triton", "poisson-0.5", 1, 0.9);
  store.write(record, 1, "triton", "poisson-0.5");
  const kept = openStore(folder, "def").read("point", 1, "triton", "poisson-0.5");
  expect(kept).toEqual({ ...record, commit: "abc", at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) });
  expect(store.all()).toEqual([kept]);
});

test("every server meets the same arrivals, stretched by its rate", () => {
  const [point] = pointsNamed(["poisson-1.3-mixed"]);
  const slow = scheduleOf(point!, "m", 100, 4, 7);
  const fast = scheduleOf(point!, "m", 200, 4, 7);
  const shared = slow.atMs.length;
  expect(shared).toBeGreaterThan(300);
  for (let i = 0; i < shared; i++) expect(fast.atMs[i]! * 2).toBeCloseTo(slow.atMs[i]!, 6);
  expect(fast.classOf.slice(0, shared)).toEqual(slow.classOf);
  expect(slow.classes.map(({ deadlineMs }) => deadlineMs)).toEqual([48, 160]);
  expect(ceilingOf(1000, 1300)).toBeCloseTo(0.769, 3);
  expect(ceilingOf(1000, 500)).toBe(1);
  expect(() => pointsNamed(["nowhere"])).toThrow("No such point: nowhere");
});
