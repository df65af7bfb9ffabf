// The generator's own process: takes one job as its argument and prints the result as JSON.

import { toJson } from "./infinite-json.ts";
import { runJob } from "./job.ts";
import type { Job } from "./job.ts";

const [argument] = process.argv.slice(2);
if (argument === undefined) throw new Error("Usage: node bench/loadgen/play.ts '<Job as JSON>'");
// The argument comes from run-schedule.ts alone, which typed it.
process.stdout.write(`${toJson(await runJob(JSON.parse(argument) as Job))}\n`);
