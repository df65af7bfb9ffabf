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

/** Resolves when one of its threads besides the main one has worked for a second in all: far more than starting a worker takes. */
export async function untilThreadBusy(pid: number): Promise<void> {
  const isBusy = (thread: string) => thread !== String(pid) && cpuTicksOf(`${pid}/task/${thread}`) >= 100;
  while (!readdirSync(`/proc/${pid}/task`).some(isBusy)) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** CPU time of a process with all its threads, or of one thread, in hundredths of a second. 0 for what has ended. */
function cpuTicksOf(task: number | string): number {
  try {
    const fields = statOf(`/proc/${task}`);
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    return 0;
  }
}

/** Fields of a `stat` file from the state on; the name before it, in brackets, may hold blanks. */
function statOf(folder: string): string[] {
  const text = readFileSync(`${folder}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}
