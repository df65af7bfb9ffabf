// What the user has to change: a flag, or an input that cannot be used.

/** Ends a command with exit code 2; its message is for the user and says what is allowed. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
