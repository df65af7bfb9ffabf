// Child processes of the bench: started pinned, watched, and ended by their own id.

import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { pinned } from "./cores.ts";

/** A server that runs as a child process. */
export interface ServerProcess {
  readonly pid: number;
  readonly port: number;
  /** Throws with the end of its log once the process has gone. */
  assertAlive(): void;
  /** CPU seconds used so far by all its threads; 0 where /proc is missing. */
  cpuSeconds(): number;
  /** Resident memory in MB; 0 where /proc is missing. */
  rssMb(): number;
  /** SIGTERM, then SIGKILL after 15 seconds. */
  stop(): Promise<void>;
}

const ticksPerSecond = 100;
const stopGraceMs = 15_000;

/** A TCP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  if (address === null || typeof address === "string") throw new Error("A TCP server without a port. This is a bug.");
  return address.port;
}

/** Reads a file of /proc, empty where there is none. */
function proc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Starts a server; its output goes to `logFile`. `group`: it gets a process group of its own, which `stop` ends as a whole. */
export function startProcess(
  command: readonly string[],
  options: {
    readonly port: number;
    readonly core: number | undefined;
    readonly logFile: string;
    readonly cwd: string;
    readonly group?: boolean;
  },
): ServerProcess {
  const [file, ...args] = pinned(options.core, command);
  const log = openSync(options.logFile, "w");
  const child = spawn(file!, args, { stdio: ["ignore", log, log], cwd: options.cwd, detached: options.group === true });
  closeSync(log);
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`Cannot start ${file}.`);
  const signal = (name: NodeJS.Signals): void => {
    if (child.exitCode === null && child.signalCode === null) process.kill(options.group === true ? -pid : pid, name);
  };
  return {
    pid,
    port: options.port,
    assertAlive() {
      if (child.exitCode === null && child.signalCode === null) return;
      throw new Error(`${command.join(" ")} has ended:\n${readFileSync(options.logFile, "utf8").slice(-2000)}`);
    },
    cpuSeconds() {
      const stat = proc(`/proc/${pid}/stat`);
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return stat === "" ? 0 : (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    },
    rssMb: () => Number(/VmRSS:\s+(\d+) kB/.exec(proc(`/proc/${pid}/status`))?.[1] ?? 0) / 1024,
    async stop() {
      signal("SIGTERM");
      const kill = setTimeout(() => signal("SIGKILL"), stopGraceMs);
      await gone;
      clearTimeout(kill);
    },
  };
}

/** Thrown for a program that failed, with the end of what it said. */
export class ProgramError extends Error {
  override readonly name = "ProgramError";
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly stderr: string;

  constructor(command: readonly string[], code: number | null, stderr: string) {
    super(`${command.join(" ").slice(0, 200)} failed (${code}):\n${stderr.slice(-2000)}`);
    this.code = code;
    this.stderr = stderr;
  }
}

/** Runs a program to its end and returns what it printed; throws when it fails or exceeds `timeoutMs`. */
export async function runProgram(
  command: readonly string[],
  options: { readonly core: number | undefined; readonly cwd: string; readonly timeoutMs: number },
): Promise<string> {
  const [file, ...args] = pinned(options.core, command);
  const child = spawn(file!, args, { stdio: ["ignore", "pipe", "pipe"], cwd: options.cwd, timeout: options.timeoutMs });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("close", resolve);
    child.once("error", reject);
  });
  if (code !== 0) throw new ProgramError(command, code, Buffer.concat(err).toString("utf8"));
  return Buffer.concat(out).toString("utf8");
}
