// The servers of the comparison: predictd, what others wrote, and the server one writes first.

import { join } from "node:path";
import { oneCoreFlags } from "../lib/bench.ts";
import { environmentOf, isInstalled, peersDir } from "./environments.ts";
import type { Peer, PeerCommand, PeerStart } from "./peer.ts";
import { deadlineMs, longestDeadlineMs } from "./deadlines.ts";

/** Points of peers that are measured at two only, so that a comparison does not take all day. */
const twoPoints = ["poisson-0.5", "poisson-1.3"];

/** What differs between peers, and between variants of one. */
interface PythonSettings {
  /** Words after the environment's folder of programs. */
  readonly words: (start: PeerStart) => readonly string[];
  /** Longest wait for a fuller batch, in microseconds. */
  readonly maxDelayUs: number;
  /** Longest time in the queue, in milliseconds; 0 for none. */
  readonly queueTimeoutMs?: (start: PeerStart) => number;
  readonly timeoutOverride?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

const serveScript = (): readonly string[] => ["python", "serve.py"];

/** Starts a Python peer out of its environment, with everything it is told in PEER_… variables. */
function python(name: string, settings: PythonSettings): (start: PeerStart) => PeerCommand {
  return (start) => {
    const environment = environmentOf(name);
    if (!isInstalled(environment)) throw new Error(`${name} is not installed; node bench/peers/install.ts says why.`);
    const [program, ...words] = settings.words(start);
    const variables = {
      MODEL_NAME: start.model.name,
      MODEL_FILE: start.model.file,
      HOST: start.host,
      PORT: start.port,
      SPARE_PORT: start.sparePort,
      MAX_BATCH: start.maxBatch,
      THREADS: start.threads,
      MAX_DELAY_US: settings.maxDelayUs,
      DEADLINE_MS: start.deadlineMs,
      QUEUE_TIMEOUT_US: Math.round((settings.queueTimeoutMs?.(start) ?? 0) * 1000),
      TIMEOUT_OVERRIDE: settings.timeoutOverride === true ? 1 : 0,
      TEMP_DIR: start.tempDir,
    };
    return {
      command: [join(environment.folder, "bin", program!), ...words],
      cwd: join(peersDir, name),
      env: {
        ...Object.fromEntries(Object.entries(variables).map(([key, value]) => [`PEER_${key}`, String(value)])),
        PYTHONPATH: join(peersDir, "python"),
        PYTHONPYCACHEPREFIX: join(environment.folder, "compiled"),
        ORT_DISABLE_TELEMETRY: "1",
        ...settings.env,
      },
    };
  };
}

const triton = { title: "Triton 24.10 (nvidia-pytriton 0.7.0)", environment: "pytriton", protocol: "oip-grpc" } as const;
const tritonBasis = "Python callable with one ONNX Runtime session, dynamic batching without delay, HTTP and metrics off";

/** Everybody, predictd first. */
export const peers: readonly Peer[] = [
  {
    name: "predictd",
    title: "predictd",
    protocol: "oip-grpc",
    configuration: "As configured by default; one worker, one instance, one thread.",
    start: ({ model, host, port }) => ({
      command: [
        process.execPath,
        // As `npm start` does.
        "--initial-old-space-size=256",
        "bin/predictd.js",
        "serve",
        model.folder,
        "--host",
        host,
        "--grpc-port",
        String(port),
        ...oneCoreFlags,
      ],
      cwd: join(peersDir, "..", ".."),
      env: {},
    }),
  },
  {
    name: "triton",
    ...triton,
    configuration: `${tritonBasis}; nothing else set.`,
    start: python("pytriton", { words: serveScript, maxDelayUs: 0 }),
  },
  {
    name: "triton-timeout",
    ...triton,
    title: `${triton.title}, queue timeout = deadline`,
    capacityOf: "triton",
    requestTimeout: "deadline",
    configuration: `${tritonBasis}; queue timeout ${deadlineMs} ms with action REJECT, and each request may shorten it: its parameter \`timeout\` is its own deadline.`,
    start: python("pytriton", { words: serveScript, maxDelayUs: 0, queueTimeoutMs: (start) => start.deadlineMs, timeoutOverride: true }),
  },
  {
    name: "triton-tuned",
    ...triton,
    title: `${triton.title}, queue timeout tuned by hand`,
    capacityOf: "triton",
    configuration: `${tritonBasis}; queue timeout = ${deadlineMs} ms less what a full batch takes Triton itself (rows of a full batch / its measured capacity), with action REJECT.`,
    start: python("pytriton", {
      words: serveScript,
      maxDelayUs: 0,
      queueTimeoutMs: (start) => Math.max(1, start.deadlineMs - start.fullBatchMs),
    }),
  },
  {
    name: "triton-client",
    ...triton,
    title: `${triton.title}, timeouts tuned by every client`,
    capacityOf: "triton",
    requestTimeout: "deadline less full batch",
    onlyPoints: ["poisson-1.3-mixed", "bursts-0.6-mixed"],
    configuration: `${tritonBasis}; queue timeout ${longestDeadlineMs} ms with action REJECT, and the parameter \`timeout\` of each request is its own deadline less what a full batch takes Triton itself (rows of a full batch / its measured capacity), which every client would have to know.`,
    start: python("pytriton", {
      words: serveScript,
      maxDelayUs: 0,
      queueTimeoutMs: (start) => start.longestDeadlineMs,
      timeoutOverride: true,
    }),
  },
  {
    name: "mlserver",
    title: "MLServer 1.7.1",
    environment: "mlserver",
    protocol: "oip-grpc",
    onlyPoints: twoPoints,
    configuration:
      "Custom runtime with one ONNX Runtime session in the server's process, adaptive batching with 1 ms, uvloop, metrics off.",
    start: python("mlserver", { words: serveScript, maxDelayUs: 1000 }),
  },
  {
    name: "bentoml",
    title: "BentoML 1.4.39",
    environment: "bentoml",
    protocol: "json-http",
    path: "/predict",
    onlyPoints: twoPoints,
    configuration: `One worker with one ONNX Runtime session, adaptive batching that is told ${deadlineMs} ms as its latency bound, access log and metrics off.`,
    start: python("bentoml", {
      words: ({ host, port }) => ["bentoml", "serve", "serve:Mlp", "--host", host, "--port", String(port), "--api-workers", "1"],
      maxDelayUs: 0,
      env: { BENTOML_DO_NOT_TRACK: "True" },
    }),
  },
  {
    name: "litserve",
    title: "LitServe 0.2.19",
    environment: "litserve",
    protocol: "json-http",
    path: "/predict",
    onlyPoints: twoPoints,
    configuration: "One worker with one ONNX Runtime session, batching with 1 ms, access log off.",
    start: python("litserve", { words: serveScript, maxDelayUs: 1000 }),
  },
  {
    name: "ray",
    title: "Ray Serve 2.60.0",
    environment: "ray",
    protocol: "json-http",
    path: "/",
    onlyPoints: twoPoints,
    configuration:
      "One replica with one ONNX Runtime session, serve.batch with 1 ms, max_ongoing_requests lifted, dashboard and access log off.",
    start: python("ray", {
      words: serveScript,
      maxDelayUs: 1000,
      // It would write a token into the home folder otherwise.
      env: { RAY_USAGE_STATS_ENABLED: "0", RAY_AUTH_MODE: "disabled" },
    }),
  },
  {
    name: "naive",
    title: "grpc-js and run() in the handler",
    protocol: "oip-grpc",
    configuration: "grpc-js with the generated code; the handler awaits onnxruntime's run() for each call; no batching, no limits.",
    start: ({ model, host, port, threads }) => ({
      command: [process.execPath, join(peersDir, "naive", "serve.ts"), host, String(port), model.name, model.file, String(threads)],
      cwd: join(peersDir, "naive"),
      env: {},
    }),
  },
];

/** Picks peers by name. @throws Error for a name that is none. */
export function peersNamed(names: readonly string[]): readonly Peer[] {
  const unknown = names.filter((name) => !peers.some((peer) => peer.name === name));
  if (unknown.length > 0) throw new Error(`No such peer: ${unknown.join(", ")}; there are ${peers.map(({ name }) => name).join(", ")}.`);
  return peers.filter(({ name }) => names.includes(name));
}
