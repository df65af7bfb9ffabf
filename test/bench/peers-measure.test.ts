// What a measured server is told, and what happens to one that cannot be measured.

import { afterAll, expect, test } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measureRound, ownFullBatchMs } from "../../bench/peers/measure.ts";
import type { MeasureSettings } from "../../bench/peers/measure.ts";
import type { Peer, PeerStart } from "../../bench/peers/peer.ts";
import { pointsNamed } from "../../bench/peers/points.ts";
import { openStore } from "../../bench/peers/store.ts";

const folder = mkdtempSync(join(tmpdir(), "predictd-peers-measure-"));
afterAll(() => rmSync(folder, { recursive: true }));

const settings: MeasureSettings = {
  model: { name: "m", file: "m.onnx", folder },
  maxBatch: 32,
  threads: 1,
  deadlineMs: 80,
  longestDeadlineMs: 160,
  fullBatchMs: 20,
  core: undefined,
  examples: [],
  rowSize: 1,
  clientCore: undefined,
  seconds: 1,
  maxTries: 1,
  store: openStore(folder, "abc"),
  log: () => {},
};

test("a peer tuned by hand is told the full batch of the server that it is a variant of, not that of the bare runtime", async () => {
  const generator = { p99Ms: 1, failureShare: 0, generatorCpuShare: 0.1, startMs: 1 };
  settings.store.write({ kind: "capacity", peer: "triton", round: 1, rowsPerSecond: 800, ...generator }, 1, "triton");
  let told: PeerStart | undefined;
  const peer: Peer = {
    name: "variant",
    title: "",
    protocol: "oip-grpc",
    capacityOf: "triton",
    configuration: "",
    start(start) {
      told = start;
      throw new Error("not to be started");
    },
  };
  expect(await measureRound(peer, pointsNamed(["poisson-1.3"]), 1, undefined, settings)).toBeUndefined();
  expect(told?.fullBatchMs).toBe(40);
  expect(settings.store.read("failure", 1, "variant")?.reason).toBe("not to be started");
  expect(ownFullBatchMs(32, 1600)).toBe(20);
});

test("a capacity that other code was measured with counts no more", async () => {
  const figures = { p99Ms: 1, failureShare: 0, generatorCpuShare: 0.1, startMs: 1 };
  const started: string[] = [];
  const peer: Peer = {
    name: "own",
    title: "",
    protocol: "oip-grpc",
    capacityOf: "naive",
    configuration: "",
    start() {
      started.push("own");
      throw new Error("not to be started");
    },
  };
  const point = pointsNamed(["poisson-1.3"]);
  openStore(folder, "old").write({ kind: "capacity", peer: "naive", round: 2, rowsPerSecond: 800, ...figures }, 2, "naive");
  // Starting the source itself fails, as it has no model.
  await measureRound(peer, point, 2, undefined, settings);
  expect(started).toEqual([]);
  settings.store.write({ kind: "capacity", peer: "naive", round: 2, rowsPerSecond: 800, ...figures }, 2, "naive");
  await measureRound(peer, point, 2, undefined, settings);
  expect(started).toEqual(["own"]);
});
