// The load generator's command line.

import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { defaultBursts } from "./arrivals.ts";
import type { Arrivals, Step } from "./arrivals.ts";
import { fromJson, toJson } from "./infinite-json.ts";
import { renderPage } from "./page.ts";
import { reportText, saturationText } from "./report.ts";
import type { LoadgenResult } from "./result.ts";
import { findCapacity, runSchedule } from "./run-schedule.ts";
import { readSchedule, writeSchedule } from "./schedule-file.ts";
import { makeSchedule } from "./schedule.ts";
import type { Schedule } from "./schedule.ts";
import { parseAddress, parseInput, protocols } from "./target.ts";
import type { Target } from "./target.ts";
import { parseWeights, positive, whole } from "./weights.ts";

const usage = `Usage: node bench/loadgen/cli.ts <command> [options]

  schedule   Writes a schedule to a file: --out FILE and the options of a schedule
  run        Plays a schedule against a server and reports what became of the calls
  saturate   Finds what a server can take, with a fixed number of calls in flight
  page       Turns results into one HTML page: page --out page.html result.json …

The schedule (schedule, run)
  --schedule FILE       Take this one (run); all other options of a schedule are then ignored
  --arrivals KIND       poisson (default), even, bursts, or steps: steps:0.5x5,1.5x5,0.5x5 (factor x seconds)
  --bursts A,B,C,D      Factor and mean milliseconds of the high state, then of the low one. Default 3,150,0.3333,450
  --rate N              Mean calls per second
  --seconds N           Measured time. Default 15
  --warmup N            Seconds before that whose calls are not counted. Default 1
  --deadlines MIX       Milliseconds: 80, or 48:0.5,160:0.5, or none. Default none
  --rows MIX            Rows of a call: 1, or 1:0.8,8:0.2. Default 1
  --lengths MIX         Size of the second dimension of inputs that leave it free
  --model MIX           Model name, or a:0.5,b:0.5
  --seed N              Default 1; the same seed gives the same schedule

The server (run, saturate)
  --target HOST:PORT    Or http://HOST:PORT/path for json-http
  --protocol P          ${protocols.join(", ")}. Default oip-grpc
  --input SPEC          name:DATATYPE:dims of one row, x:FP32:1024; L for the dimension of --lengths; may be repeated. Default: asked
                        of the server; needed for json-http
  --bare-row            json-http: send the one row without a list around it
  --triton-timeout MS   Send Triton's parameter timeout too: the deadline less MS
  --core N              Pin the generator to this core
  --connections N       Default: enough for all calls that may wait

The run
  --out FILE            Write the result as JSON
  --name NAME           Of the server, for the page
  --label TEXT          Of what was played, for the page
  --load X              Multiple of the server's own capacity, for the page
  --no-cancel           Do not reset calls at their deadline: await answers for --grace ms more
  --grace MS            Default 1000
  --bin MS              Width of the bins of the series
  --max-lateness MS     Reject the run when the generator's own lateness p99 is above. Default 1
  --max-cpu SHARE       Reject the run when the generator used more of its core. Default 0.7

saturate
  --in-flight N         Default 128
  --seconds N           Default 3

Exit code 2: the run was rejected because the generator itself was too slow.
`;

const options = {
  schedule: { type: "string" },
  arrivals: { type: "string", default: "poisson" },
  bursts: { type: "string" },
  rate: { type: "string" },
  seconds: { type: "string" },
  warmup: { type: "string", default: "1" },
  deadlines: { type: "string", default: "none" },
  rows: { type: "string", default: "1" },
  lengths: { type: "string" },
  model: { type: "string" },
  seed: { type: "string", default: "1" },
  target: { type: "string" },
  protocol: { type: "string", default: "oip-grpc" },
  input: { type: "string", multiple: true },
  "bare-row": { type: "boolean" },
  "triton-timeout": { type: "string" },
  core: { type: "string" },
  connections: { type: "string" },
  out: { type: "string" },
  name: { type: "string" },
  label: { type: "string" },
  load: { type: "string" },
  "no-cancel": { type: "boolean" },
  grace: { type: "string" },
  bin: { type: "string" },
  "max-lateness": { type: "string" },
  "max-cpu": { type: "string" },
  "in-flight": { type: "string" },
  help: { type: "boolean" },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>["values"];

const rejectedCode = 2;
const defaultSeconds = "15";

function required(value: string | undefined, name: string): string {
  if (value === undefined) throw new Error(`--${name} is missing.\n\n${usage}`);
  return value;
}

function optional(text: string | undefined): number | undefined {
  return text === undefined ? undefined : positive(text);
}

function optionalCount(text: string | undefined): number | undefined {
  return text === undefined ? undefined : whole(text);
}

function notNegative(text: string): number {
  return Number(text) === 0 ? 0 : positive(text);
}

function readStep(text: string): Step {
  const [factor, seconds] = text.split("x");
  return { factor: positive(factor ?? ""), seconds: positive(seconds ?? "") };
}

function readArrivals(values: Values): Arrivals {
  const [kind, steps] = values.arrivals.split(":");
  if (kind === "poisson" || kind === "even") return { kind };
  if (kind === "bursts") {
    if (values.bursts === undefined) return defaultBursts;
    const [highFactor, highMs, lowFactor, lowMs] = values.bursts.split(",").map(positive);
    if (highFactor === undefined || highMs === undefined || lowFactor === undefined || lowMs === undefined) throw new Error(usage);
    return { kind, highFactor, highMs, lowFactor, lowMs };
  }
  if (kind !== "steps" || steps === undefined) throw new Error(`--arrivals ${values.arrivals} is unknown.\n\n${usage}`);
  return { kind, steps: steps.split(",").map(readStep) };
}

function readScheduleOptions(values: Values): Schedule {
  if (values.schedule !== undefined) return readSchedule(values.schedule);
  return makeSchedule({
    seed: whole(values.seed, 0),
    arrivals: readArrivals(values),
    rate: positive(required(values.rate, "rate")),
    seconds: positive(values.seconds ?? defaultSeconds),
    warmupSeconds: notNegative(values.warmup),
    deadlinesMs: values.deadlines === "none" ? [{ value: Infinity, weight: 1 }] : parseWeights(values.deadlines, positive),
    rows: parseWeights(values.rows, (text) => whole(text)),
    lengths: values.lengths === undefined ? undefined : parseWeights(values.lengths, (text) => whole(text)),
    models: parseWeights(required(values.model, "model"), String),
  });
}

function readTarget(values: Values): Target {
  const protocol = protocols.find((known) => known === values.protocol);
  if (protocol === undefined) throw new Error(`--protocol ${values.protocol} is unknown: ${protocols.join(", ")}.`);
  return {
    protocol,
    ...parseAddress(required(values.target, "target")),
    inputs: values.input?.map(parseInput),
    bareRow: values["bare-row"],
    tritonTimeoutSlackMs: values["triton-timeout"] === undefined ? undefined : notNegative(values["triton-timeout"]),
  };
}

function coreOf(values: Values): number | undefined {
  return values.core === undefined ? undefined : whole(values.core, 0);
}

async function run(values: Values): Promise<void> {
  const result = await runSchedule(readTarget(values), readScheduleOptions(values), {
    name: values.name,
    label: values.label,
    load: optional(values.load),
    core: coreOf(values),
    connections: optionalCount(values.connections),
    cancelAtDeadline: values["no-cancel"] !== true,
    graceMs: optional(values.grace),
    binMs: optional(values.bin),
    limits: {
      ...(values["max-lateness"] === undefined ? {} : { maxLatenessP99Ms: positive(values["max-lateness"]) }),
      ...(values["max-cpu"] === undefined ? {} : { maxCpuShare: positive(values["max-cpu"]) }),
    },
  });
  if (values.out !== undefined) writeFileSync(values.out, `${toJson(result)}\n`);
  process.stdout.write(reportText(result));
  if (!result.valid) process.exitCode = rejectedCode;
}

async function saturate(values: Values): Promise<void> {
  const result = await findCapacity(readTarget(values), {
    model: required(values.model, "model"),
    inFlight: optionalCount(values["in-flight"]),
    connections: optionalCount(values.connections),
    rows: whole(values.rows),
    seconds: optional(values.seconds),
    core: coreOf(values),
  });
  if (values.out !== undefined) writeFileSync(values.out, `${toJson(result)}\n`);
  process.stdout.write(saturationText(result));
}

function page(values: Values, files: readonly string[]): void {
  if (files.length === 0) throw new Error(`Which results?\n\n${usage}`);
  // Written by `run`.
  const results = files.map((file) => fromJson(readFileSync(file, "utf8")) as LoadgenResult);
  writeFileSync(required(values.out, "out"), renderPage(results));
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [command, ...rest] = positionals;
  if (values.help === true) process.stdout.write(usage);
  else if (command === "schedule") writeSchedule(required(values.out, "out"), readScheduleOptions(values));
  else if (command === "run") await run(values);
  else if (command === "saturate") await saturate(values);
  else if (command === "page") page(values, rest);
  else throw new Error(usage);
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
