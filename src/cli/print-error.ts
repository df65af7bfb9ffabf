// Failures as people read them: one block, no stack trace unless it is a bug.

import { CommanderError } from "commander";
import { PredictdError } from "../client/error.ts";
import { ConfigError } from "../config/config-error.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

/**
 * Writes a failure to stderr.
 * @returns the exit code it stands for.
 */
export function printError(error: unknown, { stderr, signal }: Terminal): number {
  // commander has written its own message, which names what is allowed.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof UsageError || error instanceof ConfigError) {
    stderr.write(`error: ${error.message}\n`);
    return EXIT.usage;
  }
  if (signal.aborted && isAbort(error)) stderr.write("error: interrupted\n");
  else if (error instanceof PredictdError) stderr.write(renderPredictdError(error));
  else if (error instanceof CommandError || isSystemError(error)) stderr.write(`error: ${error.message}\n`);
  else stderr.write(`error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.failed;
}

/** Code and reason, message, violations, what to do; ends with a line break. */
export function renderPredictdError(error: PredictdError): string {
  const reason = error.reason === "" || error.reason === error.code ? "" : ` (${error.reason})`;
  const lines = [
    `error: ${error.code}${reason}${error.stage === undefined ? "" : ` at stage ${error.stage}`}`,
    `  ${error.message.replace(/\s*Resolution note:\s*$/, "")}`,
  ];
  for (const { field, description } of error.violations)
    lines.push(`  - ${field}${description === error.message ? "" : `: ${description}`}`);
  if (error.retryAfterMs !== undefined) lines.push(`  Try again in ${Math.ceil(error.retryAfterMs)} ms.`);
  if (error.code === "UNAVAILABLE" && error.reason === "") lines.push("  Is the server running? Start it with: npx predictd serve");
  return `${lines.join("\n")}\n`;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || (error instanceof PredictdError && error.code === "CANCELLED"));
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && typeof error.code === "string" && "syscall" in error;
}
