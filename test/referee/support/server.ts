// Starts the real server as users do, in a process of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { credentials, Metadata } from "@grpc/grpc-js";
import { type HealthCheckResponse, HealthCheckResponse_ServingStatus, HealthClient } from "../../../generated/grpc/health/v1/health.ts";
import { freePort } from "./free-port.ts";

/** Root of the repository. */
export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** How the server is started. */
export interface ServerOptions {
  /** Model folder, seen from the root of the repository; `models` by default. */
  readonly modelDir?: string;
  /** Further words of its command line. */
  readonly args?: readonly string[];
  /** Its whole environment; by default the test's own without `PREDICTD_*`, which would change the server. */
  readonly env?: NodeJS.ProcessEnv;
  /** Words in front of the command line, e.g. a tracer; the process must stay the server's. */
  readonly prefix?: readonly string[];
}

/** A server that answered SERVING. */
export interface RunningServer {
  readonly port: number;
  /** `127.0.0.1:<port>`. */
  readonly address: string;
  /** What it has printed so far. */
  output(): string;
  /** Sends SIGTERM and waits for the end and for all output; gives the exit code, -1 after a signal. */
  stop(): Promise<number>;
}

/** Starts `predictd serve` on a free loopback port and waits until its health is SERVING. */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const words = [
    ...(options.prefix ?? []),
    process.execPath,
    "bin/predictd.js",
    "serve",
    options.modelDir ?? "models",
    "--host",
    "127.0.0.1",
    "--grpc-port",
    String(port),
    ...(options.args ?? []),
  ];
  const child = spawn(words[0]!, words.slice(1), { cwd: ROOT, env: options.env ?? plainEnvironment(), stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const keep = (text: string): void => {
    output += text;
  };
  child.stdout.setEncoding("utf8").on("data", keep);
  child.stderr.setEncoding("utf8").on("data", keep);
  const closed = once(child, "close").then(([code]): number => code ?? -1);

  async function stop(): Promise<number> {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), 45_000);
    try {
      return await closed;
    } finally {
      clearTimeout(kill);
    }
  }

  const ended = closed.then((code) => {
    throw new Error(`the server ended with ${code} before it was SERVING:\n${output}`);
  });
  const health = new HealthClient(address, credentials.createInsecure(), {
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 500,
  });
  try {
    await Promise.race([waitServing(health), ended]);
  } catch (error) {
    await stop();
    throw new Error(`no SERVING on ${address}; the server printed:\n${output}`, { cause: error });
  } finally {
    health.close();
  }
  ended.catch(() => {});
  return { port, address, output: () => output, stop };
}

/** The test's environment without the server's settings. */
function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PREDICTD_")));
}

/** Watches the health service until the whole server is SERVING; gives up after 40 s. */
async function waitServing(client: HealthClient): Promise<void> {
  const watch = client.watch({ service: "" }, new Metadata({ waitForReady: true }), { deadline: Date.now() + 40_000 });
  await new Promise<void>((resolve, reject) => {
    watch.on("data", (answer: HealthCheckResponse) => {
      if (answer.status !== HealthCheckResponse_ServingStatus.SERVING) return;
      resolve();
      watch.cancel();
    });
    watch.on("error", reject);
    watch.on("end", () => reject(new Error("the health watch ended")));
  });
}
