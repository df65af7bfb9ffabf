// Traces requests by settings that may change while the server runs: who is picked, and where it is written how their time went.

import type { Logger } from "./logger.ts";
import { createTrace, type Trace, type TracedRequest } from "./trace.ts";
import { createTraceSampler } from "./trace-sampler.ts";
import { parseTraceChanges, renderTraceSettings, type TraceSettings } from "./trace-settings.ts";
import { createTraceWriter } from "./trace-writer.ts";

/** Tracing as in Triton's mode `triton`, with timestamps only. */
export interface Tracer {
  /** The settings that hold for a model, or with "" those of the server. `trace_count` is what is left of it. */
  settings(model: string): TraceSettings;
  /**
   * Changes the named settings of a model, or with "" those of the server; either all changes are made or none. An empty list takes a
   * model's value back to the server's, and the server's to the default. Whether there is such a model is the caller's to check.
   * @returns all settings after the change.
   * @throws ServiceError PARAMETER_INVALID, SETTING_READ_ONLY or METHOD_OFF, as `parseTraceChanges` says.
   */
  update(model: string, changes: Iterable<readonly [string, readonly string[]]>): TraceSettings;
  /** Counts an answered request and tells whether it is to be recorded. */
  sample(model: string): boolean;
  /** Writes a request down: to the trace file, or as a line "trace" of level info where there is none or it cannot be written. */
  record(request: TracedRequest): void;
  /** Resolves when the trace files are written. What is recorded later goes to the log. Never rejects; safe to call twice. */
  close(): Promise<void>;
}

/** What the tracer is made with. */
export interface TracerOptions {
  /** Path of the trace file; "" for none. A file from earlier is replaced at the first trace. */
  readonly traceFile: string;
  readonly logger: Logger;
}

/** Makes a tracer that traces nothing until its settings are changed. */
export function createTracer({ traceFile, logger }: TracerOptions): Tracer {
  const sampler = createTraceSampler();
  const log = ({ id, requestId, model, version, timestamps }: Trace): void =>
    logger.info({ traceId: id, requestId, model, version, timestamps }, "trace");
  const writer = traceFile === "" ? undefined : createTraceWriter({ path: traceFile, logger, giveBack: log });
  const settings = (model: string): TraceSettings => renderTraceSettings(sampler.values(model), traceFile);
  let lastId = 0;
  return {
    settings,
    update(model, changes) {
      sampler.update(model, parseTraceChanges(changes));
      return settings(model);
    },
    sample: (model) => sampler.sample(model),
    record(request) {
      const trace = createTrace(++lastId, request);
      if (writer === undefined) log(trace);
      else writer.write(trace, sampler.values(request.model).tracesPerFile);
    },
    close: async () => writer?.close(),
  };
}
