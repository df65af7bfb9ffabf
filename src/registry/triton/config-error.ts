// The one error of a Triton model configuration that cannot be read.

import { quote } from "../../config/show.ts";

const MAX_PROBLEM_CHARS = 300;

/** Where a configuration came from. */
export type ConfigSource = "config.pbtxt" | "load call";

/** Thrown with what is wrong and, for a text, in which line. Short, on one line and without a path, so callers may be shown it. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";

  constructor(source: ConfigSource, problem: string, options?: ErrorOptions) {
    const subject = source === "config.pbtxt" ? source : "The configuration";
    super(`${subject} cannot be used: ${plain(problem)}`, options);
  }
}

/** A problem quotes what somebody else wrote: what is not printable is escaped as in every other message, quotation marks stay. */
function plain(problem: string): string {
  return quote(problem, MAX_PROBLEM_CHARS).slice(1, -1).replaceAll('\\"', '"').replaceAll("\\\\", "\\");
}
