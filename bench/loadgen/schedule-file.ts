// Schedules as JSON: whole microseconds, and null for no deadline.

import { readFileSync, writeFileSync } from "node:fs";
import { fromJson, toJson } from "./infinite-json.ts";
import type { CallClass, Schedule, ScheduleSpec } from "./schedule.ts";

const format = "predictd-loadgen-schedule/1";
const usPerMs = 1000;

interface ScheduleJson {
  readonly format: string;
  readonly spec: ScheduleSpec;
  readonly classes: readonly CallClass[];
  readonly atUs: readonly number[];
  readonly classOf: readonly number[];
}

/** Text of a schedule. Times lose what is below a microsecond. */
export function scheduleToJson({ spec, classes, atMs, classOf }: Schedule): string {
  const json: ScheduleJson = { format, spec, classes, atUs: atMs.map((at) => Math.round(at * usPerMs)), classOf };
  return toJson(json);
}

/** Reads a schedule. @throws Error for another format. */
export function scheduleFromJson(text: string): Schedule {
  // Checked by its format line; what follows was written by `scheduleToJson`.
  const json = fromJson(text) as ScheduleJson;
  if (json.format !== format) throw new Error(`Not a schedule of the format ${format}.`);
  const { spec, classes, atUs, classOf } = json;
  if (atUs.length !== classOf.length || classOf.some((index) => classes[index] === undefined)) throw new Error("The schedule is damaged.");
  return { spec, classes, atMs: atUs.map((at) => at / usPerMs), classOf };
}

/** Writes a schedule to a file. */
export function writeSchedule(file: string, schedule: Schedule): void {
  writeFileSync(file, scheduleToJson(schedule));
}

/** Reads a schedule from a file. */
export function readSchedule(file: string): Schedule {
  return scheduleFromJson(readFileSync(file, "utf8"));
}
