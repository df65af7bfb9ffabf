// What a command sees of the process it runs in.

import { styleText } from "node:util";

/** A stream that text is written to. */
export interface Output extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

/** The process around a command. */
export interface Terminal {
  /** Results. */
  readonly stdout: Output;
  /** Progress, notes, errors and the log. */
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Fires when the process is asked to stop. */
  readonly signal: AbortSignal;
  /** Ends the process at once, for a native run that does not end: leaving in any other way would abort with a core dump. */
  readonly kill?: () => void;
}

/** Dims text on a terminal that shows styles; anywhere else, and with NO_COLOR, it stays plain. */
export function dim(text: string, output: Output, env: NodeJS.ProcessEnv): string {
  return showsStyles(output, env) ? styleText("dim", text, { validateStream: false }) : text;
}

/** Whether a stream shows styles. */
export function showsStyles(output: Output, env: NodeJS.ProcessEnv): boolean {
  return output.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
}
