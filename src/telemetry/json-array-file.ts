// A file that holds one JSON array and grows by elements.

import { Buffer } from "node:buffer";
import { constants } from "node:fs";
import { open } from "node:fs/promises";

/** Whole, readable JSON after each `append`, so that nothing is missing even if the process ends without closing it. */
export interface JsonArrayFile {
  /**
   * Adds elements, each given as its JSON text; one call at a time.
   * @returns how many bytes were written. Rejects when they cannot be; the file then holds what it held before, if the disk lets it.
   */
  append(elements: readonly string[]): Promise<number>;
  /** Frees the file. */
  close(): Promise<void>;
}

const TAIL = "\n]\n";

/** Without waiting, as for a pipe that nobody reads, which would hold a thread for ever. */
const OPEN_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NONBLOCK;

/** Creates the file; one that is there already is emptied. Rejects when that cannot be done. */
export async function createJsonArrayFile(path: string): Promise<JsonArrayFile> {
  const file = await open(path, OPEN_FLAGS);
  /** Where the tail stands, over which the next elements are written. */
  let end = 0;

  const writeAt = async (position: number, text: string): Promise<number> => {
    const bytes = Buffer.from(text);
    let written = 0;
    while (written < bytes.length) {
      written += (await file.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
    }
    return written;
  };

  const restore = async (): Promise<void> => {
    await file.truncate(end);
    await writeAt(end, end === 0 ? "[]\n" : TAIL);
  };

  return {
    async append(elements) {
      try {
        const written = await writeAt(end, `${end === 0 ? "[" : ","}\n${elements.join(",\n")}${TAIL}`);
        end += written - TAIL.length;
        return written;
      } catch (error) {
        // A full disk takes half a text, but it has room for the tail that was there before.
        await restore().catch(() => {});
        throw error;
      }
    },
    close: () => file.close(),
  };
}
