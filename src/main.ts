// The process: command line in, exit code out, signals in between. Nothing else touches process.exit or process.exitCode.

// oxlint-disable-next-line import/no-unassigned-import -- it is imported for what it does
import "./flags.ts";
import { runCli } from "./cli/run.ts";

const EXIT_INTERRUPTED = 130;

const stop = new AbortController();

process.on("SIGTERM", () => stop.abort());
process.on("SIGINT", () => {
  // Who presses Ctrl-C again does not want to wait for calls in flight.
  // oxlint-disable-next-line no-process-exit -- this is the one place that may
  if (stop.signal.aborted) process.exit(EXIT_INTERRUPTED);
  stop.abort();
});

// A reader such as `head` that has seen enough is no failure; what would be written after it reaches nobody.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  // oxlint-disable-next-line no-process-exit -- this is the one place that may
  process.exit(0);
});

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  signal: stop.signal,
  kill: () => process.kill(process.pid, "SIGKILL"),
});
