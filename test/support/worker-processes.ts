// What the system knows of a server's worker processes.

import { readdirSync, readFileSync } from "node:fs";

/** Process ids of the server's children. Linux only. */
export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" "))
    .filter((child) => child !== "")
    .map(Number);
}

/** Whether a process is there; one that has ended and was not yet looked after by its parent is not. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Resolves when none of them is there any more. */
export async function allGone(pids: readonly number[]): Promise<void> {
  while (pids.some(isRunning)) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Names of the environment variables of a process. */
export function environmentOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/environ`, "utf8")
    .split("\0")
    .filter((entry) => entry !== "")
    .map((entry) => entry.slice(0, entry.indexOf("=")))
    .toSorted();
}

/** Resolves when the process has worked for 50 ms more than it had when this was called. */
export async function untilBusy(pid: number): Promise<void> {
  const before = cpuTicksOf(pid);
  while (cpuTicksOf(pid) < before + 5) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** CPU time of all its threads, in hundredths of a second. */
function cpuTicksOf(pid: number): number {
  const fields = statOf(`/proc/${pid}`);
  return Number(fields[11]) + Number(fields[12]);
}

/** Fields of a `stat` file from the state on; the name before it, in brackets, may hold blanks. */
function statOf(folder: string): string[] {
  const text = readFileSync(`${folder}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}
