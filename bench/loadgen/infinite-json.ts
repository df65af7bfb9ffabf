// JSON in which a missing deadline survives: Infinity is written as null, and null is read as Infinity where a deadline stands.

const deadlineKeys: ReadonlySet<string> = new Set(["deadlineMs", "value"]);

/** Text of a value whose deadlines may be Infinity. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (part === Infinity ? null : part));
}

/** Reads what `toJson` wrote. */
export function fromJson(text: string): unknown {
  return JSON.parse(text, (key, part: unknown) => (part === null && deadlineKeys.has(key) ? Infinity : part)) as unknown;
}
