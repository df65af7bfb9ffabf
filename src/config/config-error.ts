// The one error of a configuration that cannot be used.

/** Thrown with everything that is wrong, so that one look is enough to mend it. For the operator; may name the configuration file. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** One sentence for each problem: source, given value, allowed range. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration cannot be used:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.problems = problems;
  }
}
