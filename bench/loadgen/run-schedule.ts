// Runs the generator in a process of its own, on a core of its own where one is named.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ProgramError, runProgram } from "../lib/processes.ts";
import { toldCode } from "./failure-text.ts";
import { fromJson } from "./infinite-json.ts";
import type { Job } from "./job.ts";
import type { LoadgenResult } from "./result.ts";
import type { RunOptions } from "./run-options.ts";
import type { SaturateOptions, Saturation } from "./saturate.ts";
import { measuredSeconds } from "./schedule.ts";
import type { Schedule } from "./schedule.ts";
import { writeSchedule } from "./schedule-file.ts";
import type { Target } from "./target.ts";

const repoDir = fileURLToPath(new URL("../..", import.meta.url));
const spareSeconds = 60;
// Room for the call objects between two collections, so that the generator is not late because of them.
const nodeFlags = ["--max-semi-space-size=64"];

async function runProcess(job: Job, core: number | undefined, seconds: number): Promise<unknown> {
  const command = [process.execPath, ...nodeFlags, "bench/loadgen/play.ts", JSON.stringify(job)];
  try {
    return fromJson(await runProgram(command, { core, cwd: repoDir, timeoutMs: (seconds + spareSeconds) * 1000 }));
  } catch (error) {
    throw error instanceof ProgramError && error.code === toldCode ? new Error(error.stderr.trim()) : error;
  }
}

/**
 * Plays a schedule against a server.
 * @returns the result also of a run that has to be thrown away: look at `valid`.
 * @throws Error when the server cannot be reached.
 */
export async function runSchedule(target: Target, schedule: Schedule, options: RunOptions = {}): Promise<LoadgenResult> {
  const tempDir = mkdtempSync(join(tmpdir(), "predictd-loadgen-"));
  try {
    const scheduleFile = join(tempDir, "schedule.json");
    writeSchedule(scheduleFile, schedule);
    const { spec } = schedule;
    const seconds = spec.warmupSeconds + measuredSeconds(spec);
    // Printed by our own play.ts.
    return (await runProcess({ kind: "play", target, scheduleFile, options }, options.core, seconds)) as LoadgenResult;
  } finally {
    rmSync(tempDir, { recursive: true });
  }
}

/** Finds what a server can take, by a closed loop. @throws Error when it cannot be reached or answers nothing with OK. */
export async function findCapacity(target: Target, options: SaturateOptions): Promise<Saturation> {
  const seconds = (options.seconds ?? 0) + (options.warmupSeconds ?? 0);
  // Printed by our own play.ts.
  return (await runProcess({ kind: "saturate", target, options }, options.core, seconds)) as Saturation;
}
