// Runs one program to its end.
import { spawn } from "node:child_process";

/** How a program ended. */
export interface ToolResult {
  /** Exit status; -1 when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of one run. */
export interface ToolOptions {
  /** Environment; the test's own by default. */
  readonly env?: NodeJS.ProcessEnv;
  /** Text for the standard input; nothing by default. */
  readonly input?: string;
  /** The program is killed after this long; 60 s by default. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end and gives back what it printed. Rejects only when it cannot be started. */
export function runTool(command: string, args: readonly string[], options: ToolOptions = {}): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: options.env ?? process.env, timeout: options.timeoutMs ?? 60_000, killSignal: "SIGKILL" });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    // A program that never reads its input closes the pipe early, which is its right.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}
