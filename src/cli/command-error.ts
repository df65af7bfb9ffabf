// A failure that is nobody's bug and has nothing to do with how the command was written.

/** Ends a command with exit code 1; its message is for the user. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
