// `predictd predict --csv`: many rows in chunks through one session, results in row order as CSV.

import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { ModelVersion, PredictdClient, PredictRequest, PredictResult, Session, Tensor } from "../client/client.ts";
import { PredictdError } from "../client/client.ts";
import type { CsvMapping } from "./input/csv-input.ts";
import { mapCsv } from "./input/csv-input.ts";
import { readCsv } from "./input/csv-file.ts";
import { csvHead, csvLine, csvRows } from "./output/csv-output.ts";
import { formatUs } from "./output/format.ts";
import { resultToJson } from "./output/json-output.ts";
import type { RowProgress } from "./row-progress.ts";
import { createRowProgress } from "./row-progress.ts";
import type { Terminal } from "./terminal.ts";
import { dim } from "./terminal.ts";

/** Chunks on their way at once, as far as the model's queue has room. */
const MAX_CHUNKS_IN_FLIGHT = 16;

const MAX_ATTEMPTS = 5;

/** What to do with a file. */
export interface CsvJob extends Omit<PredictRequest, "inputs"> {
  readonly path: string;
  /** Time for each chunk in milliseconds. */
  readonly timeoutMs: number;
  /** One JSON object a chunk, with `firstRow`, instead of CSV. */
  readonly asJson: boolean;
}

interface Pending {
  readonly firstRow: number;
  readonly rows: number;
  readonly done: number;
  readonly result: Promise<PredictResult>;
}

/**
 * Runs the command. Rows that were answered before a failure have been printed.
 * @throws UsageError for a file that does not fit the model, PredictdError for what the server answers.
 */
export async function predictCsv(client: PredictdClient, job: CsvJob, version: ModelVersion, terminal: Terminal): Promise<void> {
  const { path, timeoutMs, asJson, ...base } = job;
  const { batching } = version;
  const chunkRows = batching?.enabled ? Math.max(1, batching.maxBatchSize) : 1;
  const window = Math.max(1, Math.min(MAX_CHUNKS_IN_FLIGHT, Math.floor((batching?.maxQueueRows ?? 1) / 2 / chunkRows)));
  const giveUp = new AbortController();
  const signal = AbortSignal.any([terminal.signal, giveUp.signal]);
  const session = client.session({ signal });
  const progress = createRowProgress(terminal.stderr);
  const print = createPrinter(version, asJson, terminal);
  const pending: Pending[] = [];
  let mapping: CsvMapping | undefined;
  let rowCount = 0;
  let runUs = 0;

  const printOldest = async (): Promise<void> => {
    const { firstRow, rows, done, result: promise } = pending.shift()!;
    const result = await promise.catch((error: unknown) => {
      // Nothing is printed behind a gap.
      pending.length = 0;
      throw error;
    });
    await print(result, firstRow);
    runUs += result.timings.runUs;
    progress.update(firstRow + rows - 1, done);
  };

  const ask = (inputs: readonly Tensor[], rows: number, done: number): void => {
    const result = predictPatiently(session, { ...base, inputs }, timeoutMs, signal);
    // It is awaited in its turn; until then its failure must not count as unhandled.
    result.catch(() => {});
    pending.push({ firstRow: rowCount + 1, rows, done, result });
    rowCount += rows;
  };

  try {
    try {
      for await (const { header, rows, done } of readCsv(path, chunkRows)) {
        mapping ??= mapHeader(header, version, progress);
        ask(mapping.toTensors(rows, rowCount + 1), rows.length, done);
        if (pending.length >= window) await printOldest();
      }
    } finally {
      // Also when a later row cannot be used: what stands before it has been asked and is answered.
      while (pending.length > 0) await printOldest();
    }
    await session.close();
  } finally {
    giveUp.abort();
    progress.stop();
  }
  const summary = `${job.model} version ${version.version} · ${rowCount} rows · run ${formatUs(runUs)}`;
  terminal.stderr.write(`${dim(summary, terminal.stderr, terminal.env)}\n`);
}

function mapHeader(header: readonly string[], version: ModelVersion, progress: RowProgress): CsvMapping {
  const mapping = mapCsv(header, version.inputs);
  if (mapping.ignored.length > 0) progress.note(`The model does not take the columns ${mapping.ignored.join(", ")}; they are left out.`);
  return mapping;
}

function createPrinter(
  version: ModelVersion,
  asJson: boolean,
  { stdout, signal }: Terminal,
): (result: PredictResult, firstRow: number) => Promise<void> {
  let isFirst = true;
  return async (result, firstRow) => {
    const lines: string[] = [];
    if (asJson) lines.push(`${JSON.stringify({ firstRow, ...(resultToJson(result) as object) })}\n`);
    else {
      if (isFirst) lines.push(csvLine(csvHead(result, version.outputs)));
      for (const row of csvRows(result, firstRow)) lines.push(csvLine(row));
    }
    isFirst = false;
    if (!stdout.write(lines.join(""))) await once(stdout, "drain", { signal });
  };
}

async function predictPatiently(session: Session, request: PredictRequest, timeoutMs: number, signal: AbortSignal): Promise<PredictResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await session.predict(request, { timeoutMs, signal });
    } catch (error) {
      if (!(error instanceof PredictdError) || !error.retryable || attempt === MAX_ATTEMPTS || session.draining) throw error;
      await delay(error.retryAfterMs ?? 50 * 2 ** attempt, undefined, { signal });
    }
  }
}
