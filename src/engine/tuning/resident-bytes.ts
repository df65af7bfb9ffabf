// How much memory the server holds, with the processes that it has started.

import { readdirSync, readFileSync } from "node:fs";

/** Memory of this process in bytes; on Linux with that of its children, in which models may live. */
export function residentBytes(): number {
  return process.memoryUsage.rss() + childrenOf("self").reduce((sum, pid) => sum + rssOf(pid), 0);
}

function childrenOf(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "latin1")
        .split(" ")
        .filter((child) => child !== ""),
    );
  } catch {
    return [];
  }
}

function rssOf(pid: string): number {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}
