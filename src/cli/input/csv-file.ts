// Reads a CSV file in chunks of rows.

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { CsvError, parse } from "csv-parse";
import { UsageError } from "../usage-error.ts";

/** Some rows of a file. */
export interface CsvChunk {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Share of the file that has been read, 0 to 1. */
  readonly done: number;
}

/**
 * Gives at most `chunkRows` rows at a time.
 * @throws UsageError when the file cannot be read, is not CSV, or has no row below its header.
 */
export async function* readCsv(path: string, chunkRows: number): AsyncGenerator<CsvChunk, void, undefined> {
  let header: readonly string[] | undefined;
  let rows: (readonly string[])[] = [];
  let isEmpty = true;
  try {
    const { size } = await stat(path);
    const file = createReadStream(path);
    // pipe() does not tell the parser of a failing file.
    const parser = file.on("error", (error) => parser.destroy(error)).pipe(parse({ bom: true, skip_empty_lines: true }));
    for await (const record of parser as AsyncIterable<string[]>) {
      if (header === undefined) {
        header = record.map((name) => name.trim());
        continue;
      }
      rows.push(record);
      isEmpty = false;
      if (rows.length < chunkRows) continue;
      yield { header, rows, done: size === 0 ? 1 : parser.info.bytes / size };
      rows = [];
    }
  } catch (error) {
    if (error instanceof CsvError) throw new UsageError(`--csv: ${path}: ${error.message}.`);
    if (error instanceof Error && "syscall" in error)
      throw new UsageError(`--csv: ${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
    throw error;
  }
  if (header === undefined || isEmpty) throw new UsageError(`--csv: ${path} has no rows below a header.`);
  if (rows.length > 0) yield { header, rows, done: 1 };
}
