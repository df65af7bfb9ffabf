// Starts Envoy with the committed configuration, moved to free loopback ports.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { freePort } from "./free-port.ts";
import { ROOT } from "./server.ts";
import { findTool } from "./tools.ts";

/** The committed configuration. */
export const ENVOY_CONFIG = join(ROOT, "deploy/envoy/envoy.yaml");

/** An Envoy whose workers run. */
export interface RunningEnvoy {
  /** `127.0.0.1:<port>` of the gRPC listener. */
  readonly address: string;
  /** Asks the admin interface; gives status and body. */
  admin(path: string): Promise<{ readonly status: number; readonly body: string }>;
  /** Ends it. */
  stop(): Promise<void>;
}

/** Starts Envoy in front of the server on `serverPort` and waits until its workers run, which is after the first health check. */
export async function startEnvoy(serverPort: number): Promise<RunningEnvoy> {
  const folder = mkdtempSync(join(tmpdir(), "predictd-envoy-"));
  const port = await freePort();
  const adminPort = await freePort();
  const config = join(folder, "envoy.yaml");
  writeFileSync(config, movedConfig({ port, adminPort, serverPort }));

  const args = ["-c", config, "--concurrency", "1", "--use-dynamic-base-id", "--log-level", "info"];
  const child = spawn(findTool("envoy")!, args, { stdio: ["ignore", "ignore", "pipe"] });
  const closed = once(child, "close");
  let log = "";
  const started = new Promise<void>((resolve) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log += text;
      if (log.includes("starting workers")) resolve();
    });
  });
  const ended = closed.then(() => {
    throw new Error(`Envoy ended before its workers ran:\n${log}`);
  });
  ended.catch(() => {});
  await Promise.race([started, ended]);

  return {
    address: `127.0.0.1:${port}`,
    async admin(path) {
      const response = await fetch(`http://127.0.0.1:${adminPort}${path}`);
      return { status: response.status, body: await response.text() };
    },
    async stop() {
      child.kill("SIGTERM");
      await closed;
      rmSync(folder, { recursive: true });
    },
  };
}

/** The committed file with three places changed, comments and all else as they stand. */
function movedConfig(ports: { readonly port: number; readonly adminPort: number; readonly serverPort: number }): string {
  const document = parseDocument(readFileSync(ENVOY_CONFIG, "utf8"));
  const socket = ["address", "socket_address"];
  const listener = ["static_resources", "listeners", 0, ...socket];
  const server = ["static_resources", "clusters", 0, "load_assignment", "endpoints", 0, "lb_endpoints", 0, "endpoint", ...socket];
  const places: readonly (readonly [readonly (string | number)[], number])[] = [
    [["admin", ...socket], ports.adminPort],
    [listener, ports.port],
    [server, ports.serverPort],
  ];
  for (const [place, port] of places) {
    // A place that the file no longer has must not become a new one that nobody reads.
    if (!document.hasIn([...place, "port_value"])) throw new Error(`envoy.yaml has no ${place.join(".")}`);
    document.setIn([...place, "address"], "127.0.0.1");
    document.setIn([...place, "port_value"], port);
  }
  return document.toString();
}
