// Starts a peer pinned to a core, waits for a right answer, and ends whatever it has left.

import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pinned } from "../lib/cores.ts";
import { largePages } from "../lib/large-pages.ts";
import { freePort } from "../lib/processes.ts";
import { askRight } from "./ask.ts";
import type { Example } from "./examples.ts";
import type { Peer, PeerStart, ServedModel } from "./peer.ts";
import { cpuSecondsOf, processesOf, sharedFilesOf } from "./session-processes.ts";

/** What all peers of a comparison have in common. */
export interface PeerSettings {
  readonly model: ServedModel;
  readonly maxBatch: number;
  readonly threads: number;
  readonly deadlineMs: number;
  readonly longestDeadlineMs: number;
  readonly fullBatchMs: PeerStart["fullBatchMs"];
  /** Core of the server with all it starts; undefined: anywhere. */
  readonly core: number | undefined;
  /** Questions that it must answer before it counts as started. */
  readonly examples: readonly Example[];
}

/** A peer that answers. */
export interface RunningPeer {
  readonly peer: Peer;
  readonly port: number;
  /** From the start of its process to the first right answer. */
  readonly startMs: number;
  /** CPU seconds used so far by all its processes; 0 where /proc is missing. */
  cpuSeconds(): number;
  /** Whether it answers rightly within `timeoutMs`. */
  answers(timeoutMs: number): Promise<boolean>;
  /** Ends every process that it has started, and removes its files. */
  stop(): Promise<void>;
}

const host = "127.0.0.1";
const pollMs = 100;
const startTimeoutMs = 120_000;
const stopGraceMs = 10_000;
const leftoverGraceMs = 1_000;
const stopTimeoutMs = 25_000;
const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

async function endAll(leader: number, marker: string): Promise<void> {
  const shared = sharedFilesOf(processesOf(leader, marker));
  // Politely to the one that was started, so that it can end its own; then to whatever it leaves; then without asking.
  kill(leader, "SIGTERM");
  let killAtMs = performance.now() + stopGraceMs;
  let leaderLives = true;
  for (const untilMs = performance.now() + stopTimeoutMs; performance.now() < untilMs; await sleep(pollMs)) {
    const left = processesOf(leader, marker);
    if (left.length === 0) break;
    if (leaderLives && !left.includes(leader)) {
      leaderLives = false;
      killAtMs = Math.min(killAtMs, performance.now() + leftoverGraceMs);
      for (const pid of left) kill(pid, "SIGTERM");
    }
    if (performance.now() > killAtMs) for (const pid of left) kill(pid, "SIGKILL");
  }
  const left = processesOf(leader, marker);
  if (left.length > 0) throw new Error(`Processes ${left.join(", ")} do not end.`);
  for (const file of shared) rmSync(file, { force: true });
}

/** Starts a peer. @throws Error with the end of its log when it ends, or answers wrongly or nothing within two minutes. */
export async function startPeer(peer: Peer, settings: PeerSettings): Promise<RunningPeer> {
  const tempDir = mkdtempSync(join(tmpdir(), "predictd-peer-"));
  const logFile = join(tempDir, "log");
  const port = await freePort();
  const { command, cwd, env } = peer.start({ ...settings, host, port, sparePort: await freePort(), tempDir });
  const [file, ...args] = pinned(settings.core, command);
  const log = openSync(logFile, "w");
  const beganMs = performance.now();
  const marker = `BENCH_PEER=${tempDir}`;
  // A session of its own, by which its processes are found again.
  const child = spawn(file!, args, {
    cwd,
    env: { ...process.env, ...largePages, ...env, BENCH_PEER: tempDir },
    stdio: ["ignore", log, log],
    detached: true,
  });
  closeSync(log);
  let failure: string | undefined;
  child.once("error", (error) => (failure = error.message));
  child.once("exit", (code, signal) => (failure ??= `ended with ${code ?? signal}`));
  // A bench that is broken off must not leave servers behind, which have sessions of their own.
  const interrupted = (signal: NodeJS.Signals): void => {
    if (child.pid !== undefined) for (const pid of processesOf(child.pid, marker)) kill(pid, "SIGKILL");
    rmSync(tempDir, { recursive: true, force: true });
    process.kill(process.pid, signal);
  };
  for (const signal of endingSignals) process.once(signal, interrupted);
  const stop = async (): Promise<void> => {
    for (const signal of endingSignals) process.off(signal, interrupted);
    if (child.pid !== undefined) await endAll(child.pid, marker);
    rmSync(tempDir, { recursive: true, force: true, maxRetries: 3 });
  };
  const ask = async (): Promise<void> => {
    if (failure !== undefined) throw new Error(failure);
    for (const example of settings.examples) await askRight(peer, port, settings.model.name, example);
  };
  const askUntil = async (untilMs: number): Promise<string | undefined> => {
    for (;;) {
      const problem = await ask().then(
        () => undefined,
        (error: unknown) => String(error),
      );
      if (problem === undefined) return undefined;
      // It may have ended while it was asked: that is the better reason.
      if (failure !== undefined || performance.now() > untilMs) return failure ?? problem;
      await sleep(pollMs);
    }
  };
  const problem = await askUntil(beganMs + startTimeoutMs);
  if (problem !== undefined) {
    const end = readFileSync(logFile, "utf8").slice(-2000);
    await stop();
    throw new Error(`${peer.name}: ${problem}\n${end}`);
  }
  return {
    peer,
    port,
    startMs: performance.now() - beganMs,
    cpuSeconds: () => (child.pid === undefined ? 0 : cpuSecondsOf(processesOf(child.pid, marker))),
    answers: async (timeoutMs) => (await askUntil(performance.now() + timeoutMs)) === undefined,
    stop,
  };
}
