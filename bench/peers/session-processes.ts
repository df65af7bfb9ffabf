// The processes that a peer has left anywhere: some put their workers into groups of their own and forget them when they end.

import { readdirSync, readFileSync } from "node:fs";

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // It has ended meanwhile.
    return "";
  }
}

const ticksPerSecond = 100;

/** Fields of /proc/<pid>/stat after the name, which may hold spaces: state first. */
function statOf(pid: number): readonly string[] {
  const stat = read(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function allPids(): readonly number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0);
}

/**
 * Living processes of the session that `leader` began, and those whose environment has `marker`. Nobody else's process can have either: the
 * system does not give a process the number of a session that still has members, and the marker is a folder made for this one start.
 */
export function processesOf(leader: number, marker: string): readonly number[] {
  return allPids().filter((pid) => {
    if (pid === process.pid) return false;
    const [state, , , session] = statOf(pid);
    if (state === undefined || state === "" || state === "Z") return false;
    return Number(session) === leader || read(`/proc/${pid}/environ`).includes(marker);
  });
}

/** Files in shared memory that processes have mapped: Triton's backends leave theirs behind. */
export function sharedFilesOf(pids: readonly number[]): readonly string[] {
  const files = pids.flatMap((pid) => read(`/proc/${pid}/maps`).match(/\/dev\/shm\/\S+$/gm) ?? []);
  return [...new Set(files)];
}

/** CPU seconds that living processes have used, with their ended children. */
export function cpuSecondsOf(pids: readonly number[]): number {
  const ticks = pids.map((pid) =>
    statOf(pid)
      .slice(11, 15)
      .reduce((sum, value) => sum + (Number(value) || 0), 0),
  );
  return ticks.reduce((sum, value) => sum + value, 0) / ticksPerSecond;
}
