// strace: the server connects to nobody and writes nothing, in particular not the usage file of the runtime's telemetry.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { int32Values, predict, simpleRequest } from "./support/client.ts";
import type { PredictResponse } from "../../generated/predictd/v1/prediction.ts";
import { runTool } from "./support/run-tool.ts";
import { ROOT, startServer } from "./support/server.ts";
import { describeWith, findTool } from "./support/tools.ts";
import { connectTargets, isLocal, writtenFiles } from "./support/trace.ts";

/** Devices are no files. */
const isFile = (path: string): boolean => !path.startsWith("/dev/");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "predictd-quiet-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** An empty home and nothing else: where it finds CI, TF_BUILD and their like, the runtime's telemetry is silent by itself and proves nothing. */
function homeEnvironment(name: string): { readonly home: string; readonly env: NodeJS.ProcessEnv } {
  const home = join(folder, name);
  mkdirSync(home);
  return { home, env: { PATH: process.env.PATH, HOME: home } };
}

function filesUnder(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The tracer's words. With -D the traced program stays our own child, so that signals reach it and not the tracer. */
function tracer(output: string): string[] {
  return [findTool("strace")!, "-D", "-f", "-qq", "-s", "256", "-e", "trace=connect,openat", "-o", output];
}

describeWith(["strace"], "a traced server", () => {
  test("connects to nobody and writes no file while it loads, predicts and drains", async () => {
    const { home, env } = homeEnvironment("server");
    const trace = join(folder, "server.trace");
    const server = await startServer({ env, prefix: tracer(trace) });
    const response = await predict(server.address, simpleRequest()).finally(() => void server.stop());
    expect(int32Values(response as PredictResponse, "OUTPUT0")[15]).toBe(16);
    expect({ code: await server.stop(), output: server.output() }).toMatchObject({ code: 0 });

    const text = readFileSync(trace, "utf8");
    // The tracer saw the right process: it read the model.
    expect(text).toContain("simple/1/model.onnx");
    expect(connectTargets(text).filter((target) => !isLocal(target))).toEqual([]);
    expect(writtenFiles(text).filter(isFile)).toEqual([]);
    expect(filesUnder(home)).toEqual([]);
  }, 120_000);

  test("would have been caught connecting or writing", async () => {
    const { env } = homeEnvironment("control");
    const trace = join(folder, "control.trace");
    const peer = createServer((_request, response) => response.end()).listen(0, "127.0.0.1");
    await once(peer, "listening");
    const { port } = peer.address() as AddressInfo;
    const written = join(folder, "control.txt");
    const script = `require("fs").writeFileSync(${JSON.stringify(written)}, ""); require("http").get("http://127.0.0.1:${port}")`;
    const [strace, ...words] = tracer(trace);
    await runTool(strace!, [...words, process.execPath, "-e", script], { env });
    peer.close();

    const text = readFileSync(trace, "utf8");
    expect(connectTargets(text)).toContain(`127.0.0.1:${port}`);
    expect(writtenFiles(text)).toContain(written);
  }, 60_000);
});

/** Makes a session in a process that does nothing else, with or without the switch that the server sets. */
async function filesAfterSession(name: string, extra: NodeJS.ProcessEnv): Promise<string[]> {
  const { home, env } = homeEnvironment(name);
  const script = `
    const { InferenceSession } = require("onnxruntime-node");
    InferenceSession.create("models/simple/1/model.onnx").then((session) => session.release());`;
  const { code, stderr } = await runTool(process.execPath, ["--eval", `process.chdir(${JSON.stringify(ROOT)});${script}`], {
    env: { ...env, ...extra },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return filesUnder(home).map((path) => path.slice(home.length));
}

describe("the runtime's telemetry", () => {
  test("writes a file into an untouched home, which the server's test would find", async () => {
    const files = await filesAfterSession("telemetry-on", {});
    expect(files.join("\n")).toContain("onnxruntime.db");
  }, 30_000);

  test("writes nothing once switched off", async () => {
    expect(await filesAfterSession("telemetry-off", { ORT_DISABLE_TELEMETRY: "1" })).toEqual([]);
  }, 30_000);
});

describe("a server whose user wants telemetry", () => {
  test("leaves it on, so that the empty home above is the server's doing", async () => {
    const { home, env } = homeEnvironment("server-telemetry");
    const server = await startServer({ env: { ...env, ORT_DISABLE_TELEMETRY: "0" } });
    await server.stop();
    expect(filesUnder(home).join("\n")).toContain("onnxruntime.db");
  }, 60_000);
});

describe("reading a trace", () => {
  test("tells this machine from others", () => {
    const trace = [
      '17 connect(21, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("192.0.2.1")}, 16) = -1 EINPROGRESS',
      '17 connect(21, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=0}, 28) = 0',
      '18 connect(22, {sa_family=AF_INET, sin_port=htons(8001), sin_addr=inet_addr("127.0.0.1")}, 16) = 0',
      '18 connect(23, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT',
      "18 connect(23, {sa_family=AF_NETLINK}, 12) = 0",
    ].join("\n");
    const targets = connectTargets(trace);
    expect(targets).toHaveLength(5);
    expect(targets.filter((target) => !isLocal(target))).toEqual([
      "192.0.2.1:443",
      "[2001:db8::1]:443",
      "18 connect(23, {sa_family=AF_NETLINK}, 12) = 0",
    ]);
  });
});
