// Runs the command line as a child process, as a user would.

import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** What a run ended with. */
export interface CliRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const MAIN = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));

/** The repository. */
export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** A command under way. */
export interface RunningCli {
  readonly stdout: NodeJS.ReadableStream;
  readonly stderr: NodeJS.ReadableStream;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<CliRun>;
}

/** Starts a command in the repository, with an environment of its own. */
export function startCli(args: readonly string[], env: NodeJS.ProcessEnv = {}, nodeArgs: readonly string[] = []): RunningCli {
  const child = spawn(process.execPath, [...nodeArgs, MAIN, ...args], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = Promise.withResolvers<number | null>();
  child.on("close", closed.resolve);
  child.on("error", closed.reject);
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  return {
    stdout: child.stdout,
    stderr: child.stderr,
    kill: (signal) => child.kill(signal),
    ended: Promise.all([closed.promise, stdout, stderr]).then(([code, out, err]) => ({ code, stdout: out, stderr: err })),
  };
}

/** Runs a command to its end. */
export function runCli(args: readonly string[], env: NodeJS.ProcessEnv = {}, nodeArgs: readonly string[] = []): Promise<CliRun> {
  return startCli(args, env, nodeArgs).ended;
}
