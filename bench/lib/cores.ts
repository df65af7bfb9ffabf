// Which core each process of the bench runs on.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Cores for the parts of a scenario; undefined where processes cannot be pinned. */
export interface Cores {
  /** The server's event loop, and for one-core scenarios its workers too. */
  readonly server: number | undefined;
  /** The load generator. */
  readonly client: number | undefined;
  /** Workers in scenarios that give them a core of their own. On two cores the generator then shares the server's. */
  readonly worker: number | undefined;
  /** The load generator where workers have a core of their own. */
  readonly clientBesideWorker: number | undefined;
}

/** Chooses cores from those this process may use. */
export function chooseCores(): Cores {
  const none: Cores = { server: undefined, client: undefined, worker: undefined, clientBesideWorker: undefined };
  let list: string;
  try {
    list = execFileSync("taskset", ["-pc", String(process.pid)], { encoding: "utf8" });
  } catch {
    return none;
  }
  const cores = list
    .slice(list.lastIndexOf(":") + 1)
    .trim()
    .split(",")
    .flatMap((part) => {
      const [from, to] = part.split("-").map(Number);
      return from === undefined ? [] : Array.from({ length: (to ?? from) - from + 1 }, (_, i) => from + i);
    });
  const [first, second, third] = cores;
  if (first === undefined || second === undefined) return none;
  return { server: first, client: second, worker: second, clientBesideWorker: third ?? first };
}

/** Words that start a command pinned to a core. */
export function pinned(core: number | undefined, command: readonly string[]): readonly string[] {
  return core === undefined ? command : ["taskset", "-c", String(core), ...command];
}

// Names of threads are cut to 15 characters, which these are.
const workerThreadName = "predictd-worker";

/**
 * Moves the worker threads of a running server to a core of their own. They are told by the name that the server gives them.
 * @returns how many threads were moved; 0 without a core.
 * @throws Error when a core is named and there is no such thread.
 */
export function pinWorkers(pid: number, core: number | undefined): number {
  if (core === undefined) return 0;
  const isWorker = (tid: string): boolean => readFileSync(`/proc/${pid}/task/${tid}/comm`, "utf8").startsWith(workerThreadName);
  const workers = readdirSync(`/proc/${pid}/task`).filter(isWorker);
  if (workers.length === 0) throw new Error(`Process ${pid} has no thread named ${workerThreadName} to move to core ${core}.`);
  for (const tid of workers) execFileSync("taskset", ["-pc", String(core), tid], { stdio: "ignore" });
  return workers.length;
}
