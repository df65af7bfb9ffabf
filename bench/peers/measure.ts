// Measures one server in one round: what it can take, then its points.

import { maxFailureShare } from "../loadgen/capacity.ts";
import { findCapacity, runSchedule } from "../loadgen/run-schedule.ts";
import type { LoadgenResult } from "../loadgen/result.ts";
import type { Target } from "../loadgen/target.ts";
import type { Peer } from "./peer.ts";
import { peersNamed } from "./peers.ts";
import { scheduleOf } from "./points.ts";
import type { Point } from "./points.ts";
import { startPeer } from "./start.ts";
import type { PeerSettings, RunningPeer } from "./start.ts";
import type { ResultStore } from "./store.ts";

/** What a round is measured with. */
export interface MeasureSettings extends PeerSettings {
  /** Elements of one row. */
  readonly rowSize: number;
  /** Core of the generator. */
  readonly clientCore: number | undefined;
  /** Measured seconds of a point. */
  readonly seconds: number;
  /** Runs of a point before one is kept although the generator was too slow. */
  readonly maxTries: number;
  readonly store: ResultStore;
  log(line: string): void;
}

const capacitySeconds = 4;
const callsInFlight = 128;
// Longer than any backlog that a server drains at all.
const drainTimeoutMs = 30_000;

/** What a full batch takes in a server itself, with all that it does around the run, in milliseconds. @param capacity in rows per second. */
export function ownFullBatchMs(maxBatch: number, capacity: number): number {
  return (maxBatch * 1000) / capacity;
}

function targetOf({ peer, port }: RunningPeer, { rowSize, fullBatchMs }: MeasureSettings): Target {
  const slack = { deadline: 0, "deadline less full batch": fullBatchMs };
  return {
    protocol: peer.protocol,
    host: "127.0.0.1",
    port,
    path: peer.path,
    inputs: [{ name: "x", datatype: "FP32", rowShape: [rowSize] }],
    tritonTimeoutSlackMs: peer.requestTimeout === undefined ? undefined : slack[peer.requestTimeout],
  };
}

async function measureCapacity(running: RunningPeer, round: number, settings: MeasureSettings): Promise<number> {
  const { peer, startMs } = running;
  const options = { model: settings.model.name, inFlight: callsInFlight, seconds: capacitySeconds, core: settings.clientCore };
  const { rowsPerSecond, latencyMs, meanBatch, failureShare, failures, cpuShare } = await findCapacity(
    targetOf(running, settings),
    options,
  );
  const record = { rowsPerSecond, p99Ms: latencyMs.p99, meanBatch, failureShare, generatorCpuShare: cpuShare, startMs };
  settings.store.write({ kind: "capacity", peer: peer.name, round, ...record }, round, peer.name);
  const unknown = failureShare > maxFailureShare ? `; CAPACITY UNKNOWN, calls failed: ${JSON.stringify(failures)}` : "";
  settings.log(`  ${peer.name}: ${Math.round(rowsPerSecond)} rows/s, started in ${Math.round(startMs)} ms${unknown}`);
  return rowsPerSecond;
}

async function measurePoint(
  running: RunningPeer,
  point: Point,
  round: number,
  rates: { readonly rate: number; readonly capacity: number },
  settings: MeasureSettings,
): Promise<{ readonly hung: boolean }> {
  const { peer } = running;
  const { rate, capacity } = rates;
  const schedule = scheduleOf(point, settings.model.name, rate, settings.seconds, round);
  const options = { name: peer.name, label: point.title, load: rate / capacity, core: settings.clientCore };
  let result: LoadgenResult;
  let discardedCount = 0;
  let cpuUsPerCall: number;
  for (; ; discardedCount++) {
    const cpuFrom = running.cpuSeconds();
    result = await runSchedule(targetOf(running, settings), schedule, options);
    cpuUsPerCall = ((running.cpuSeconds() - cpuFrom) * 1e6) / schedule.atMs.length;
    if (result.valid || discardedCount + 1 >= settings.maxTries) break;
    await running.answers(drainTimeoutMs);
  }
  const hung = !(await running.answers(drainTimeoutMs));
  const record = { peer: peer.name, point: point.name, round, rate, capacity, cpuUsPerCall, discardedCount, hung, result };
  settings.store.write({ kind: "point", ...record }, round, peer.name, point.name);
  const doubt = result.valid ? "" : `; DOUBTFUL: ${result.invalidBecause.join("; ")}`;
  settings.log(
    `  ${peer.name} ${point.name}: goodput ${result.goodput.toFixed(3)} at ${Math.round(rate)}/s${hung ? "; HUNG afterwards" : ""}${doubt}`,
  );
  return { hung };
}

/**
 * Measures what the store does not have yet of one server and round.
 * @param predictdCapacity rows per second of predictd in that round; undefined while predictd itself is measured.
 * @returns the server's capacity; undefined where it cannot be started, which the store then says.
 */
export async function measureRound(
  peer: Peer,
  points: readonly Point[],
  round: number,
  predictdCapacity: number | undefined,
  settings: MeasureSettings,
): Promise<number | undefined> {
  const missing = points.filter(({ name }) => settings.store.read("point", round, peer.name, name) === undefined);
  const known = settings.store.read("capacity", round, peer.capacityOf ?? peer.name);
  if (known !== undefined && missing.length === 0) return known.rowsPerSecond;
  let running: RunningPeer | undefined;
  try {
    const source = peer.capacityOf === undefined ? peer : peersNamed([peer.capacityOf])[0]!;
    const earlier = settings.store.read("capacity", round, source.name);
    // Other code has another capacity.
    let capacity = earlier?.commit === settings.store.commit ? earlier.rowsPerSecond : undefined;
    if (capacity === undefined) {
      running = await startPeer(source, settings);
      capacity = await measureCapacity(running, round, settings);
    }
    const tuned = { ...settings, fullBatchMs: ownFullBatchMs(settings.maxBatch, capacity) };
    if (running?.peer !== peer) {
      await running?.stop();
      running = await startPeer(peer, tuned);
    }
    for (const point of missing) {
      const base = point.of === "own" ? capacity : predictdCapacity;
      if (base === undefined) continue;
      const { hung } = await measurePoint(running, point, round, { rate: base * point.load, capacity }, tuned);
      if (!hung) continue;
      await running.stop();
      running = await startPeer(peer, tuned);
    }
    return capacity;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    settings.log(`  ${peer.name} LEFT OUT: ${reason}`);
    settings.store.write({ kind: "failure", peer: peer.name, round, reason }, round, peer.name);
    return undefined;
  } finally {
    await running?.stop();
  }
}
