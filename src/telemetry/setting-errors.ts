// What a caller is told about a log or trace setting that cannot be changed as asked.

import { ServiceError } from "../errors.ts";

const MAX_NAME_CHARS = 64;

/** A setting that does not exist, or a value it cannot take. The problem completes the sentence "Setting x …". */
export function invalidSetting(name: string, problem: string): ServiceError {
  const text = `Setting ${quote(name)} ${problem}.`;
  return new ServiceError("PARAMETER_INVALID", text, {
    violations: [{ field: `settings[${quote(name)}]`, description: text }],
    metadata: { setting: name.slice(0, MAX_NAME_CHARS) },
  });
}

/** A setting that only the configuration decides. */
export function readOnlySetting(name: string): ServiceError {
  const text = `Setting ${quote(name)} cannot be changed over the network.`;
  return new ServiceError("SETTING_READ_ONLY", text, {
    violations: [{ field: `settings[${quote(name)}]`, description: text }],
    metadata: { setting: name.slice(0, MAX_NAME_CHARS) },
  });
}

/** Text that a caller sent, in quotes, with control characters escaped and the tail of long ones cut. */
export function quote(text: string): string {
  return JSON.stringify(text.length <= MAX_NAME_CHARS ? text : `${text.slice(0, MAX_NAME_CHARS)}…`);
}
