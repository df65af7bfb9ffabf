// Every setting of the server: default, range and meaning. The README's table, the flags and the environment names are made from it.

import type { Config } from "./config.ts";
import { type Machine, type Setting, type SettingOf, fieldOf } from "./setting.ts";
import type { Field } from "./fields.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const MAX_CORES = 256;

/** The table, in the order of the README. */
export const SETTINGS: { readonly [K in keyof Config]: SettingOf<Config[K]> } = {
  modelDir: {
    section: "Server",
    kind: "path",
    maxLength: 4096,
    default: "models",
    meaning: "Folder of models; a relative path starts at the configuration file that holds it, else at the working directory.",
  },
  modelControl: {
    section: "Server",
    kind: "choice",
    choices: ["none", "explicit"],
    default: "none",
    meaning:
      "`none`: every model of the folder is loaded at the start; `explicit`: those of `loadModels`, and callers may load and unload models (`RepositoryModelLoad`, `RepositoryModelUnload`).",
  },
  loadModels: {
    section: "Server",
    kind: "names",
    max: 1024,
    maxLength: 128,
    default: [],
    meaning: "Models to load at the start when `modelControl` is `explicit`; `*` for all.",
  },
  host: {
    section: "Server",
    kind: "string",
    maxLength: 255,
    default: "127.0.0.1",
    meaning: "Address to listen on; `127.0.0.1` is this machine only, `0.0.0.0` every IPv4 address of the machine, `::` also IPv6.",
  },
  grpcPort: {
    section: "Server",
    kind: "int",
    min: 0,
    max: 65_535,
    default: 8001,
    meaning: "Port of the gRPC server; 0 takes any free one.",
  },
  reflection: {
    section: "Server",
    kind: "boolean",
    default: true,
    meaning: "Whether tools such as grpcurl may ask for the contract (`grpc.reflection.v1` and `v1alpha`).",
  },

  defaultDeadlineMs: {
    section: "Deadlines",
    kind: "int",
    unit: "ms",
    min: 1,
    max: DAY_MS,
    default: MINUTE_MS,
    meaning: "Deadline of a call or stream item that brings none; at most `maxDeadlineMs`.",
  },
  maxDeadlineMs: {
    section: "Deadlines",
    kind: "int",
    unit: "ms",
    min: 1,
    max: DAY_MS,
    default: 10 * MINUTE_MS,
    meaning: "Longest deadline of a unary call or stream item; a later one is shortened to it.",
  },

  maxMessageBytes: {
    section: "Sizes",
    kind: "int",
    unit: "bytes",
    min: KIB,
    max: GIB,
    default: 64 * MIB,
    meaning: "Largest message, as sent and after decompression; above it the call ends with MESSAGE_TOO_LARGE.",
  },
  maxUploadBytes: {
    section: "Sizes",
    kind: "int",
    unit: "bytes",
    min: KIB,
    max: GIB,
    default: 256 * MIB,
    meaning: "Largest upload of one client-streamed prediction; above it the call ends with UPLOAD_TOO_LARGE.",
  },
  maxBufferedBytes: {
    section: "Sizes",
    kind: "int",
    unit: "bytes",
    min: 64 * KIB,
    max: 1024 * GIB,
    default: (machine: Machine) => Math.max(64 * MIB, Math.floor(machine.memoryBytes / 4)),
    defaultText: "a quarter of the memory",
    meaning: "Message bytes that the process holds at once; above it messages wait before they are read.",
  },
  maxRequestRows: {
    section: "Sizes",
    kind: "int",
    min: 1,
    max: 1_000_000_000,
    default: 1_000_000,
    meaning: "Most rows of one request; above it the call ends with INPUT_TOO_LARGE.",
  },
  maxStringElements: {
    section: "Sizes",
    kind: "int",
    min: 1,
    max: 1_000_000_000,
    default: 1_000_000,
    meaning:
      "Most elements of one STRING input; above it the call ends with INPUT_TOO_LARGE. Texts live in the worker's heap (`workerHeapMb`).",
  },
  maxBatchBytes: {
    section: "Sizes",
    kind: "int",
    unit: "bytes",
    min: 64 * KIB,
    max: GIB,
    default: 128 * MIB,
    meaning: "Input bytes up to which requests are put into one batch; a single larger request runs alone.",
  },
  maxAdmitWaitMs: {
    section: "Sizes",
    kind: "int",
    unit: "ms",
    min: 0,
    max: 10 * MINUTE_MS,
    default: SECOND_MS,
    meaning:
      "How long a call waits for room under `maxBufferedBytes` before it ends with BYTES_EXHAUSTED; streams that are under way wait longer.",
  },

  maxStreamsPerConnection: {
    section: "Streams and connections",
    kind: "int",
    min: 1,
    max: 65_536,
    default: 256,
    meaning: "Calls open at once on one connection (HTTP/2 `SETTINGS_MAX_CONCURRENT_STREAMS`); clients hold further ones back.",
  },
  maxInFlightPerStream: {
    section: "Streams and connections",
    kind: "int",
    min: 1,
    max: 65_536,
    default: 256,
    meaning: "Predictions in flight on one stream; above it the server stops reading the stream until one is answered.",
  },
  maxStreamIdleMs: {
    section: "Streams and connections",
    kind: "int",
    unit: "ms",
    min: 100,
    max: DAY_MS,
    default: 5 * MINUTE_MS,
    meaning:
      "Longest silence on a prediction stream with nothing in flight, or of a reader that takes nothing, before it is ended; health `Watch` and `WatchModels` have no such limit.",
  },
  receiveWindowBytes: {
    section: "Streams and connections",
    kind: "int",
    unit: "bytes",
    min: 65_535,
    max: 16 * MIB,
    default: MIB,
    meaning: "HTTP/2 receive window: bytes a client may send before the server has taken them.",
  },
  streamResetBurst: {
    section: "Streams and connections",
    kind: "int",
    min: 1,
    max: 1_000_000,
    default: 20_000,
    meaning: "Cancelled calls that one connection may make at once before it is closed as abuse.",
  },
  streamResetRate: {
    section: "Streams and connections",
    kind: "int",
    min: 1,
    max: 1_000_000,
    default: 2000,
    meaning: "Cancelled calls per second that one connection may make for ever.",
  },
  maxConnectionIdleMs: {
    section: "Streams and connections",
    kind: "int",
    unit: "ms",
    min: 100,
    max: DAY_MS,
    default: 5 * MINUTE_MS,
    meaning: "A connection without calls for so long is closed.",
  },
  maxConnectionAgeMs: {
    section: "Streams and connections",
    kind: "int",
    unit: "ms",
    min: 100,
    max: DAY_MS,
    default: 30 * MINUTE_MS,
    meaning: "Age at which a connection is asked to go, so that clients spread over new servers; calls on it finish.",
  },
  maxConnectionAgeGraceMs: {
    section: "Streams and connections",
    kind: "int",
    unit: "ms",
    min: 0,
    max: DAY_MS,
    default: 5 * MINUTE_MS,
    meaning: "Time that calls have to finish on a connection that was asked to go.",
  },
  keepaliveTimeMs: {
    section: "Streams and connections",
    kind: "int",
    unit: "ms",
    min: 100,
    max: DAY_MS,
    default: 2 * HOUR_MS,
    meaning: "Silence after which the server pings a connection.",
  },
  keepaliveTimeoutMs: {
    section: "Streams and connections",
    kind: "int",
    unit: "ms",
    min: 100,
    max: 10 * MINUTE_MS,
    default: 20 * SECOND_MS,
    meaning: "Time for the answer to a ping before the connection counts as lost.",
  },

  drainDelayMs: {
    section: "Start and stop",
    kind: "int",
    unit: "ms",
    min: 0,
    max: 10 * MINUTE_MS,
    default: 0,
    meaning: "Time between health NOT_SERVING and refusing new calls at shutdown; 5000 suits most load balancers.",
  },
  drainTimeoutMs: {
    section: "Start and stop",
    kind: "int",
    unit: "ms",
    min: 0,
    max: HOUR_MS,
    default: 30 * SECOND_MS,
    meaning: "Longest wait at shutdown for calls to finish; what is left is cancelled.",
  },
  warmupRuns: {
    section: "Start and stop",
    kind: "int",
    min: 0,
    max: 100,
    default: 5,
    meaning: "Warm-up runs for each batch size before a version is ready; a model's own value wins.",
  },
  warmupBudgetMs: {
    section: "Start and stop",
    kind: "int",
    unit: "ms",
    min: 0,
    max: 10 * MINUTE_MS,
    default: 500,
    meaning: "Time for the warm-up of one model version, after which remaining runs are left out; a model's own value wins.",
  },

  execution: {
    section: "Execution",
    kind: "choice",
    choices: ["thread", "process", "inline"],
    default: "thread",
    meaning:
      "Where models run. `thread`: in worker threads; `process`: each session in a process of its own, which survives a crash of the model's native code at the cost of one more copy and about 40 MB each; `inline`: on the main thread, for models whose run of one row takes less than 0.1 ms (above 1 ms they are refused). A model's own value wins.",
  },
  maxWorkers: {
    section: "Execution",
    kind: "int",
    min: 1,
    max: MAX_CORES,
    default: (machine: Machine) => Math.min(Math.max(machine.cores, 1), MAX_CORES),
    defaultText: "the cores",
    meaning: "Worker threads for all models together, and most processes of one model version.",
  },
  workerHeapMb: {
    section: "Execution",
    kind: "int",
    min: 64,
    max: 65_536,
    default: 1024,
    meaning: "JavaScript heap of one worker in MiB; tensors and models live outside it.",
  },
  maxRespawnMs: {
    section: "Execution",
    kind: "int",
    unit: "ms",
    min: 50,
    max: HOUR_MS,
    default: 10 * SECOND_MS,
    meaning:
      "Longest pause before a worker that died is replaced; the first is 50 ms, and each one within a minute of the last twice as long.",
  },
  instances: {
    section: "Execution",
    kind: "int",
    min: 0,
    max: MAX_CORES,
    default: 0,
    meaning:
      "Sessions of one model version that run side by side, on CUDA on each device of `deviceIds`; 0: chosen from the cores, on CUDA 2. A model's own value wins.",
  },
  intraOpThreads: {
    section: "Execution",
    kind: "int",
    min: 0,
    max: MAX_CORES,
    default: 0,
    meaning: "Threads that one run may use; 0: chosen from the cores. A model's own value wins.",
  },
  executionProviders: {
    section: "Execution",
    kind: "choices",
    choices: ["cuda", "cpu", "webgpu"],
    default: ["cuda", "cpu"],
    meaning: "Where models run, first choice first; one that the machine lacks is passed over. A model's own value wins.",
  },
  deviceIds: {
    section: "Execution",
    kind: "ints",
    min: 0,
    max: 255,
    maxCount: 64,
    default: [0],
    meaning:
      "CUDA devices that a model's sessions are spread over, numbered as CUDA does; one that stands twice gets twice as many. A model's own value wins.",
  },
  maxCudaBatches: {
    section: "Execution",
    kind: "int",
    min: 1,
    max: 64,
    default: 2,
    meaning:
      "Batches in flight on one CUDA device, of all models together; 2 let one copy while another computes. On WebGPU it is always 1.",
  },
  maxCpuThreads: {
    section: "Execution",
    kind: "int",
    min: 1,
    max: MAX_CORES,
    default: (machine: Machine) => Math.min(Math.max(machine.cores, 1), MAX_CORES),
    defaultText: "the cores",
    meaning:
      "Threads of the batches in flight on the CPU, of all models together: a batch takes its model's `intraOpThreads` and starts while one is left, so that instances and models do not fight for the cores.",
  },
  tune: {
    section: "Execution",
    kind: "choice",
    choices: ["off", "auto"],
    default: "off",
    meaning:
      "`auto`: before a version is loaded, a sweep finds the instances, threads and largest batch with the best goodput; what the configuration sets of these stays. A model's own value wins.",
  },
  tuneBudgetMs: {
    section: "Execution",
    kind: "int",
    unit: "ms",
    min: 100,
    max: 10 * MINUTE_MS,
    default: 5 * SECOND_MS,
    meaning: "Time for the sweep of one model version; what it has not tried by then is left out. A model's own value wins.",
  },
  objectiveMs: {
    section: "Execution",
    kind: "int",
    unit: "ms",
    min: 1,
    max: 10 * MINUTE_MS,
    default: 100,
    meaning:
      "Time within which callers want their answers: a sweep looks for the highest rate at which 99 % of them get theirs by then. It is no deadline and refuses nothing. A model's own value wins.",
  },

  compat: {
    section: "Batching",
    kind: "choice",
    choices: ["off", "triton"],
    default: "off",
    meaning:
      "`triton`: a full queue, shed load and a queue timeout end with UNAVAILABLE and Triton's words, a request of more rows than a run takes is refused instead of split (`PredictStream` cuts it into chunks as ever), a request's own timeout counts only where the model has one, and lower priority levels are not guarded against starvation.",
  },
  maxBatchSize: {
    section: "Batching",
    kind: "int",
    min: 0,
    max: 65_536,
    default: 32,
    meaning: "Most rows in one run of a model that does not set it; 0: requests never share a run.",
  },
  admission: {
    section: "Batching",
    kind: "choice",
    choices: ["strict", "lenient"],
    default: "strict",
    meaning:
      "Which requests are refused on arrival because they are predicted to miss their deadline: `strict` counts on batches to fill up and to take long; `lenient` does not, so more is let in and more is dropped later. A model's own value wins.",
  },
  maxQueueDelayMs: {
    section: "Batching",
    kind: "int",
    unit: "ms",
    min: 0,
    max: 10 * SECOND_MS,
    default: 0,
    meaning: "Longest wait of a request for a fuller batch while an instance is idle; a model's own value wins.",
  },
  gate: {
    section: "Batching",
    kind: "choice",
    choices: ["auto", "fixed"],
    default: "auto",
    meaning:
      "When an idle instance waits for a fuller batch, where `maxQueueDelayMs` allows it: `auto` only the last idle one, and only while that is predicted to save time; `fixed` every one, until the wait is over or the batch is full. A model's own value wins.",
  },
  maxQueueRows: {
    section: "Batching",
    kind: "int",
    min: 1,
    max: 1_048_576,
    default: 8192,
    meaning: "Rows of one model version that may wait; above it calls end with QUEUE_FULL. A model's own value wins.",
  },
  maxQueueBytes: {
    section: "Batching",
    kind: "int",
    unit: "bytes",
    min: KIB,
    max: 1024 * GIB,
    default: (machine: Machine) => Math.max(32 * MIB, Math.floor(machine.memoryBytes / 8)),
    defaultText: "an eighth of the memory",
    meaning:
      "Input bytes of one model version that may wait; above it calls end with QUEUE_FULL. An empty queue takes any request. A model's own value wins.",
  },

  logLevel: {
    section: "Log",
    kind: "choice",
    choices: ["debug", "info", "warn", "error", "silent"],
    default: "info",
    meaning: "Least important line that is written; the log goes to stderr.",
  },
  logFormat: {
    section: "Log",
    kind: "choice",
    choices: ["auto", "json", "pretty"],
    default: "auto",
    meaning: "`json`: one object a line; `pretty`: for people; `auto`: `pretty` on a terminal, else `json`.",
  },
  logSampleRatio: {
    section: "Log",
    kind: "number",
    min: 0,
    max: 1,
    default: 0.001,
    meaning: "Share of successful calls that are logged; all of them at `debug`.",
  },
  maxFailureLogsPerSecond: {
    section: "Log",
    kind: "int",
    min: 0,
    max: 1_000_000,
    default: 100,
    meaning:
      "Lines a second about calls that failed or were refused for the same reason; one more line counts the rest. All of them at `debug`.",
  },
  traceFile: {
    section: "Log",
    kind: "path",
    optional: true,
    maxLength: 4096,
    default: "",
    meaning: "File for the requests that `TraceSetting` selects, as a JSON array; without one they are lines of the log.",
  },
};

/** Names of all settings, in the order of the README. */
export const SETTING_KEYS = Object.freeze(Object.keys(SETTINGS)) as readonly (keyof Config)[];

/** A row by its name. */
export function settingOf(key: keyof Config): Setting {
  return SETTINGS[key];
}

/** The checker of a setting, for everything that may set it: the configuration and model.yaml. */
export function settingField<K extends keyof Config>(key: K): Field<Config[K]> {
  return fieldOf(settingOf(key)) as Field<Config[K]>; // the row of key K checks values of Config[K]
}
