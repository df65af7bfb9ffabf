// The end of a message about an unknown name.

import { nearestName } from "../../config/nearest-name.ts";

/** What may have been meant, else all there is; the end of a sentence with its mark. */
export function suggest(given: string, known: readonly string[]): string {
  const near = known.find((name) => name.endsWith(`.${given}`) || name.endsWith(`_${given}`)) ?? nearestName(given, known);
  if (near !== undefined) return `did you mean "${near}"?`;
  return known.length === 0 ? "there is none." : `known: ${known.join(", ")}.`;
}
