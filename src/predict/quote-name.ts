// Names that callers sent, made safe for messages.

const MAX_CHARS = 64;

/** A name in quotes, with control characters escaped and the tail of long ones cut. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length <= MAX_CHARS ? name : `${name.slice(0, MAX_CHARS)}…`);
}
