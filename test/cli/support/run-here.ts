// Runs the command line in the test's own process: for tables of usage errors, which ask no server.

import { Writable } from "node:stream";
import { runCli } from "../../../src/cli/run.ts";
import type { CliRun } from "./run-cli.ts";
import { ROOT } from "./run-cli.ts";

/** Runs a command to its end. */
export async function runHere(args: readonly string[]): Promise<CliRun> {
  const [stdout, stderr] = [capture(), capture()];
  const terminal = { stdout: stdout.stream, stderr: stderr.stream, env: {}, cwd: ROOT, signal: new AbortController().signal };
  const code = await runCli(args, terminal);
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

function capture(): { readonly stream: Writable; text(): string } {
  const chunks: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => chunks.join("") };
}
