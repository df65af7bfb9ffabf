// What every scenario gets to work with, and what it returns.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LoadResult, LoadSpec } from "../clients/load-spec.ts";
import { waitListening, waitServing } from "./control.ts";
import type { Cores } from "./cores.ts";
import { withLargePages } from "./large-pages.ts";
import { freePort, runProgram, startProcess } from "./processes.ts";
import type { ServerProcess } from "./processes.ts";

/** One measured figure. */
export interface Figure {
  /** What was measured. */
  readonly name: string;
  readonly value: number;
  /** `x` for ratios. */
  readonly unit: string;
  /** The bound, and whether the figure must reach it or stay below it. */
  readonly target?: { readonly atLeast: number; /** Below it a miss is a defect. */ readonly floor?: number } | { readonly atMost: number };
  /** Rounds, settings and side figures in a few words. */
  readonly note?: string;
}

/** One scenario: a name for `--only` and a function that measures. */
export interface Scenario {
  readonly name: string;
  /** One sentence for the results page. */
  readonly about: string;
  run(bench: Bench): Promise<readonly Figure[]>;
}

/** Tools of a scenario. */
export interface Bench {
  readonly quick: boolean;
  readonly cores: Cores;
  /** A folder that is removed at the end. */
  readonly tempDir: string;
  readonly repoDir: string;
  /** Rounds of an A B A B comparison. */
  readonly rounds: number;
  /** Seconds of one measured run. */
  readonly seconds: number;
  /** Whether this scenario was asked for by name, which allows it to take its full time. */
  readonly chosen: boolean;
  /** Where scenarios of the load generator leave the JSON of each run, for its page. */
  readonly resultsDir?: string;
  log(line: string): void;
  /** Starts predictd on a folder of models and waits for SERVING. `core` pins the whole process. */
  startPredictd(
    modelDir: string,
    options?: { readonly core?: number; readonly flags?: readonly string[]; readonly nodeFlags?: readonly string[] },
  ): Promise<ServerProcess>;
  /** Starts the stock grpc-js server, with large pages as predictd has them. */
  startStock(answerBytes: number): Promise<ServerProcess>;
  /** Starts a program of bench/ that listens on a port given as its first argument. */
  startTool(file: string, args: readonly string[], core: number | undefined): Promise<ServerProcess>;
  /** Runs the load generator. `core` defaults to the client's. */
  load(spec: Omit<LoadSpec, "requestFile">, request: Buffer, core?: number): Promise<LoadResult>;
  /** Runs a program of bench/ to its end, with large pages as predictd has them, and returns what it printed as JSON. */
  runTool(file: string, args: readonly string[], core: number | undefined): Promise<unknown>;
  /** Stops whatever the scenario has started, newest first. */
  stopAll(): Promise<void>;
}

/** Flags of the scenarios in which the server has one core for everything. */
export const oneCoreFlags: readonly string[] = ["--max-workers", "1", "--instances", "1", "--intra-op-threads", "1"];

/** Creates the tools. */
export function createBench(
  settings: Pick<Bench, "quick" | "cores" | "tempDir" | "repoDir" | "rounds" | "seconds" | "chosen" | "resultsDir">,
): Bench {
  const { cores, tempDir, repoDir } = settings;
  const running: ServerProcess[] = [];
  let files = 0;
  mkdirSync(tempDir, { recursive: true });
  const newFile = (kind: string): string => join(tempDir, `${kind}-${files++}`);

  async function start(command: readonly string[], port: number, core: number | undefined): Promise<ServerProcess> {
    const server = startProcess(withLargePages(command), { port, core, logFile: newFile("log"), cwd: repoDir });
    running.push(server);
    await waitListening(server);
    return server;
  }

  return {
    ...settings,
    log: (line) => process.stderr.write(`${line}\n`),
    async startPredictd(modelDir, options = {}) {
      const port = await freePort();
      const command = [
        process.execPath,
        // As `npm start` does.
        "--initial-old-space-size=256",
        ...(options.nodeFlags ?? []),
        "bin/predictd.js",
        "serve",
        modelDir,
        "--host",
        "127.0.0.1",
        "--grpc-port",
        String(port),
      ];
      const server = await start([...command, ...(options.flags ?? [])], port, options.core);
      await waitServing(server);
      return server;
    },
    async startStock(answerBytes) {
      const port = await freePort();
      return await start([process.execPath, "bench/servers/stock-echo.ts", String(port), String(answerBytes)], port, cores.server);
    },
    async startTool(file, args, core) {
      const port = await freePort();
      return await start([process.execPath, `bench/${file}`, String(port), ...args], port, core);
    },
    async load(spec, request, core = cores.client) {
      const requestFile = newFile("request");
      writeFileSync(requestFile, request);
      const argument = JSON.stringify({ ...spec, requestFile } satisfies LoadSpec);
      const timeoutMs = (spec.warmupSeconds + spec.seconds + 20) * 1000;
      const out = await runProgram([process.execPath, "bench/clients/load.ts", argument], { core, cwd: repoDir, timeoutMs });
      // Printed by our own load.ts, which typed it.
      const result = JSON.parse(out) as LoadResult;
      for (const server of running) server.assertAlive();
      return result;
    },
    async runTool(file, args, core) {
      const command = withLargePages([process.execPath, `bench/${file}`, ...args]);
      const out = await runProgram(command, { core, cwd: repoDir, timeoutMs: 120_000 });
      return JSON.parse(out) as unknown;
    },
    async stopAll() {
      for (const server of running.splice(0).toReversed()) await server.stop();
    },
  };
}
