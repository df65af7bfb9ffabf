// Checks the elements of STRING tensors: as many as the shape says, and UTF-8 without NUL where the runtime knows nothing else.

import { isUtf8 } from "node:buffer";
import type { Reason } from "../errors.ts";
import { readLength } from "../tensor/rows.ts";

/** Texts up to this length are looked at byte by byte; the calls into the runtime would cost more. */
const MAX_INLINE_BYTES = 64;

/** What is wrong with a tensor's text. */
export interface StringProblem {
  readonly reason: Reason;
  readonly problem: string;
}

/** What is wrong with length-prefixed elements; undefined when nothing. @param textOnly whether each has to be UTF-8 without NUL. */
export function whyStringsInvalid(bytes: Uint8Array, count: number, textOnly: boolean): StringProblem | undefined {
  let at = 0;
  let elements = 0;
  while (at < bytes.byteLength) {
    const end = at + 4 <= bytes.byteLength ? at + 4 + readLength(bytes, at) : Infinity;
    if (end > bytes.byteLength) return { reason: "INPUT_SIZE_MISMATCH", problem: `ends within element ${elements}` };
    if (textOnly && !isPlain(bytes, at + 4, end)) {
      const text = bytes.subarray(at + 4, end);
      // The runtime would cut the text there without a word.
      if (text.includes(0)) return { reason: "INPUT_VALUE_INVALID", problem: `holds a NUL character in element ${elements}` };
      if (!isUtf8(text)) return { reason: "INPUT_VALUE_INVALID", problem: `is not UTF-8 in element ${elements}` };
    }
    at = end;
    elements++;
  }
  if (elements === count) return undefined;
  return { reason: "INPUT_SIZE_MISMATCH", problem: `has ${elements} strings; its shape takes ${count}` };
}

/** Whether a short text is ASCII without NUL, as most are. */
function isPlain(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > MAX_INLINE_BYTES) return false;
  for (let i = start; i < end; i++) if (bytes[i] === 0 || bytes[i]! > 0x7f) return false;
  return true;
}
