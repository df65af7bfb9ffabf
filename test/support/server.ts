// Starts the real server as a child process on a folder of models made for the test.

import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { createClients } from "./clients.ts";
import type { Clients } from "./clients.ts";

// The drain is short, so that a test that leaves a stream open does not hold up the others. Flags of the test come later and win.
const FLAGS = ["--host", "127.0.0.1", "--grpc-port", "0", "--log-format", "json", "--drain-timeout-ms", "3000"];
const BIN = fileURLToPath(new URL("../../bin/predictd.js", import.meta.url));
const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 20_000;

/** One line of the server's log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** What to start. */
export interface ServerOptions {
  /** A folder, or files by their path inside a folder made for the test, e.g. `{"a/1/model.onnx": bytes, "b.onnx": bytes}`. */
  readonly models: string | Readonly<Record<string, Uint8Array | string>>;
  /** More flags of `predictd serve`. */
  readonly flags?: readonly string[];
  /** More environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** false: return as soon as the server listens. Default true: wait for SERVING. */
  readonly waitForServing?: boolean;
}

/** A running server. */
export interface TestServer extends Clients {
  /** `127.0.0.1:port`. */
  readonly address: string;
  readonly pid: number;
  /** An empty folder that the server has as HOME. */
  readonly home: string;
  readonly modelDir: string;
  /** Everything logged so far, oldest first; lines that are not JSON as `{ text }`. */
  readonly log: readonly LogLine[];
  /** More channels to the same server, each with its own connection. Closed with the server. */
  connect(): Clients;
  /** Resolves with the exit code (null after a signal) when the process ends. */
  readonly exited: Promise<number | null>;
  /** Signals the process without waiting. */
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, then the exit code; removes the folders. A process that does not end is killed, and the code is null. */
  stop(): Promise<number | null>;
}

/** Starts a server on a free port of loopback. Rejects with the log when it ends before it serves. */
export async function startServer(options: ServerOptions): Promise<TestServer> {
  const root = await mkdtemp(join(tmpdir(), "predictd-test-"));
  const home = join(root, "home");
  await mkdir(home);
  const modelDir = typeof options.models === "string" ? options.models : await writeFolder(join(root, "models"), options.models);
  const child = spawn(process.execPath, [BIN, "serve", modelDir, ...FLAGS, ...(options.flags ?? [])], {
    env: environment(home, options.env),
  });
  const killed = () => child.kill("SIGKILL");
  process.once("exit", killed);
  const exited = once(child, "exit").then(([code]) => {
    process.removeListener("exit", killed);
    return code as number | null;
  });
  const { log, address: listening } = followLog(child);
  const ended = exited.then((code) => Promise.reject(new Error(`the server ended with ${code}: ${JSON.stringify(log, undefined, 1)}`)));
  // Only the race below looks at it; later exits are what the test asks for.
  ended.catch(() => {});
  try {
    const address = await inTime(Promise.race([listening, ended]), log);
    const channels = [createClients(address)];
    const clients = channels[0]!;
    if (options.waitForServing !== false) await inTime(Promise.race([clients.waitForServing(), ended]), log);
    return {
      ...clients,
      address,
      pid: child.pid!,
      home,
      modelDir,
      log,
      exited,
      connect() {
        const more = createClients(address);
        channels.push(more);
        return more;
      },
      kill: (signal) => void child.kill(signal),
      async stop() {
        child.kill("SIGTERM");
        const timer = setTimeout(killed, STOP_LIMIT_MS);
        const code = await exited;
        clearTimeout(timer);
        for (const channel of channels) channel.close();
        await rm(root, { recursive: true, force: true });
        return code;
      },
    };
  } catch (error) {
    killed();
    await exited;
    await rm(root, { recursive: true, force: true });
    throw error;
  }
}

async function writeFolder(folder: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  await mkdir(folder);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

function environment(home: string, more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(PREDICTD_|XDG_|ORT_|NODE_OPTIONS$)/.test(name));
  return { ...Object.fromEntries(inherited), HOME: home, ...more };
}

function followLog(child: ChildProcessWithoutNullStreams): { log: LogLine[]; address: Promise<string> } {
  const log: LogLine[] = [];
  child.stdout.resume();
  const address = new Promise<string>((resolve) => {
    createInterface({ input: child.stderr }).on("line", (text) => {
      const line = parseLine(text);
      log.push(line);
      if (line["msg"] === "listening" && typeof line["grpcAddress"] === "string") resolve(line["grpcAddress"]);
    });
  });
  return { log, address };
}

function parseLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { text };
  }
}

async function inTime<T>(promise: Promise<T>, log: readonly LogLine[]): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the server did not come up: ${JSON.stringify(log, undefined, 1)}`)), START_LIMIT_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
