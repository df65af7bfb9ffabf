// The generator's own process: takes one job as its argument and prints the result as JSON.

import { toJson } from "./infinite-json.ts";
import { failureText, toldCode } from "./failure-text.ts";
import { runJob } from "./job.ts";
import type { Job } from "./job.ts";
import { targetText } from "./target.ts";

const [argument] = process.argv.slice(2);
if (argument === undefined) throw new Error("Usage: node bench/loadgen/play.ts '<Job as JSON>'");
// The argument comes from run-schedule.ts alone, which typed it.
const job = JSON.parse(argument) as Job;
try {
  process.stdout.write(`${toJson(await runJob(job))}\n`);
} catch (error) {
  const text = failureText(error);
  if (text === undefined) throw error;
  process.stderr.write(`${targetText(job.target)}: ${text}\n`);
  // oxlint-disable-next-line no-process-exit -- connections that stand would keep it
  process.exit(toldCode);
}
