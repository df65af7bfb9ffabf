// One run of the command line.

import { printError } from "./print-error.ts";
import { createProgram } from "./program.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Runs a command.
 * @param args what follows the program's name.
 * @returns the exit code; failures have been written to stderr.
 */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode = 0;
  const program = createProgram(terminal, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    return printError(error, terminal);
  }
}
