// Writes traces to files behind the requests' back, within bounds of memory and disk.

import { createJsonArrayFile, type JsonArrayFile } from "./json-array-file.ts";
import type { Logger } from "./logger.ts";
import { renderTrace, type Trace } from "./trace.ts";

/** Traces that may wait for the disk, some 10 MB; above it new ones are dropped. */
const MAX_WAITING_TRACES = 10_000;

/** Traces in one write, so that making its text does not hold up requests for long. */
const MAX_WRITE_TRACES = 128;

/** Bytes of all trace files of one process together: settings that come over the network must not fill the disk. */
const MAX_TOTAL_BYTES = 1_073_741_824;

/** What even a short file takes on the disk, in bytes. */
const MIN_FILE_BYTES = 4096;

/** Takes traces without waiting. */
export interface TraceWriter {
  /**
   * Hands over a trace.
   * @param tracesPerFile 0: it goes into the file itself. Else into `<path>.<n>`, with n from 0; the next n is begun at so many traces.
   */
  write(trace: Trace, tracesPerFile: number): void;
  /** Resolves when all is written. Traces that come later are given back. Never rejects; safe to call twice. */
  close(): Promise<void>;
}

/** What the writer is made with. */
export interface TraceWriterOptions {
  /** Files of this name from earlier are replaced. */
  readonly path: string;
  readonly logger: Logger;
  /** Takes the traces that cannot be written, now and from then on. */
  readonly giveBack: (trace: Trace) => void;
  /** Bytes of all files together; 1 GiB by default. */
  readonly maxTotalBytes?: number;
}

interface Waiting {
  readonly trace: Trace;
  readonly tracesPerFile: number;
}

/** Makes the writer; files are created with their first trace. */
export function createTraceWriter({ path, logger, giveBack, maxTotalBytes = MAX_TOTAL_BYTES }: TraceWriterOptions): TraceWriter {
  const waiting: Waiting[] = [];
  let whole: JsonArrayFile | undefined;
  let part: JsonArrayFile | undefined;
  let partTraces = 0;
  let partCount = 0;
  let bytesLeft = maxTotalBytes;
  let dropped = 0;
  let state: "open" | "closed" | "failed" = "open";
  let working = Promise.resolve();
  let closing: Promise<void> | undefined;

  const create = (name: string): Promise<JsonArrayFile> => {
    bytesLeft -= MIN_FILE_BYTES;
    return createJsonArrayFile(name);
  };

  const fileFor = async (tracesPerFile: number): Promise<JsonArrayFile> => {
    if (tracesPerFile === 0) return (whole ??= await create(path));
    if (part !== undefined && partTraces < tracesPerFile) return part;
    const full = part;
    part = undefined;
    await full?.close();
    partTraces = 0;
    return (part = await create(`${path}.${partCount++}`));
  };

  const drain = async (): Promise<void> => {
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      if (bytesLeft <= 0) throw new Error(`The trace files hold ${maxTotalBytes} bytes, which is the limit.`);
      const { tracesPerFile } = first;
      const file = await fileFor(tracesPerFile);
      const room = tracesPerFile === 0 ? MAX_WRITE_TRACES : Math.min(MAX_WRITE_TRACES, tracesPerFile - partTraces);
      const others = waiting.slice(0, room).findIndex((next) => next.tracesPerFile !== tracesPerFile);
      const batch = waiting.slice(0, others === -1 ? room : others);
      bytesLeft -= await file.append(batch.map(({ trace }) => renderTrace(trace)));
      if (tracesPerFile !== 0) partTraces += batch.length;
      waiting.splice(0, batch.length);
    }
  };

  const closeFiles = async (): Promise<void> => {
    const files = [whole, part];
    whole = undefined;
    part = undefined;
    for (const file of files) await file?.close();
  };

  const fail = (cause: unknown): void => {
    state = "failed";
    logger.warn({ err: cause, path }, "the trace file cannot be written; traces go to the log");
    for (const { trace } of waiting.splice(0)) giveBack(trace);
  };

  const work = async (): Promise<void> => {
    try {
      await drain();
    } catch (error) {
      fail(error);
      // What was wrong with them has been told.
      await closeFiles().catch(() => {});
    }
  };

  const close = async (): Promise<void> => {
    if (state === "open") state = "closed";
    await working;
    await closeFiles().catch(fail);
    if (dropped > 0) logger.warn({ dropped }, "traces were dropped");
  };

  return {
    write(trace, tracesPerFile) {
      if (state !== "open") {
        giveBack(trace);
        return;
      }
      if (waiting.length >= MAX_WAITING_TRACES) {
        if (dropped++ === 0) logger.warn({ path }, "traces come faster than they can be written; some are dropped");
        return;
      }
      // Work that goes on takes it along, else new work does; one look too many finds nothing.
      if (waiting.push({ trace, tracesPerFile }) === 1) working = working.then(work);
    },
    close: () => (closing ??= close()),
  };
}
