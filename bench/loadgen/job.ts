// What the generator's own process is asked to do: the JSON between it and whoever starts it.

import { readSchedule } from "./schedule-file.ts";
import { openTransport } from "./open-transport.ts";
import { playSchedule } from "./player.ts";
import type { LoadgenResult } from "./result.ts";
import { defaultCallsPerConnection, defaultGraceMs, enoughConnections, labelOf } from "./run-options.ts";
import type { RunOptions } from "./run-options.ts";
import { saturate } from "./saturate.ts";
import type { SaturateOptions, Saturation } from "./saturate.ts";
import { batchCounts, meanBatch } from "./server-facts.ts";
import { summarise } from "./summary.ts";
import { targetText } from "./target.ts";
import type { Target } from "./target.ts";
import { defaultLimits } from "./validity.ts";

/** One task of the process. */
export type Job =
  | { readonly kind: "play"; readonly target: Target; readonly scheduleFile: string; readonly options: RunOptions }
  | { readonly kind: "saturate"; readonly target: Target; readonly options: SaturateOptions };

async function play({ target, scheduleFile, options }: Extract<Job, { kind: "play" }>): Promise<LoadgenResult> {
  const schedule = readSchedule(scheduleFile);
  const { graceMs = defaultGraceMs, maxCallsPerConnection = defaultCallsPerConnection, cancelAtDeadline = true } = options;
  const connections = options.connections ?? enoughConnections(schedule, target.protocol, maxCallsPerConnection, graceMs);
  const models = [...new Set(schedule.classes.map(({ model }) => model))];
  const before = await batchCounts(target, models);
  const played = await playSchedule(schedule, { cancelAtDeadline, graceMs }, (events) =>
    openTransport(target, schedule.classes, { connections, maxCallsPerConnection }, events),
  );
  return summarise(schedule, played, {
    name: options.name ?? "server",
    label: options.label ?? labelOf(schedule),
    load: options.load,
    target: targetText(target),
    meanBatch: meanBatch(before, await batchCounts(target, models)),
    limits: { ...defaultLimits, ...options.limits },
    binMs: options.binMs,
  });
}

/** Does one task. @throws Error when the server cannot be reached. */
export async function runJob(job: Job): Promise<LoadgenResult | Saturation> {
  return job.kind === "play" ? await play(job) : await saturate(job.target, job.options);
}
