// Installs the Python peers, one environment each, into a cache folder; what is there is kept.
//
// A peer that cannot be installed is reported with the reason and skipped; with CI=true it is a failure.

import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cacheDir, environmentOf, isInstalled } from "./environments.ts";
import type { PeerEnvironment } from "./environments.ts";
import { peers, peersNamed } from "./peers.ts";

const usage = `Usage: node bench/peers/install.ts [--peers <name,…>]

  PEER_TOOLS   Folder of the environments, default ~/.cache/predictd-peers
  PEER_PYTHON  Python to make them with, default the first of python3.11, python3.12, python3 that will do`;

const pythons = ["python3.11", "python3.12", "python3"];
// onnxruntime 1.30 has wheels from 3.11 on; Triton's stubs and the pins were tried up to 3.12.
const fits = "import sys, venv, ensurepip; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 12))";
const timeoutMs = 15 * 60_000;

function say(line: string): void {
  process.stdout.write(`peers: ${line}\n`);
}

function findPython(): string {
  const chosen = process.env.PEER_PYTHON;
  const candidates = chosen === undefined ? pythons : [chosen];
  const found = candidates.find((python) => spawnSync(python, ["-c", fits], { stdio: "ignore" }).status === 0);
  if (found === undefined) throw new Error(`no Python 3.11 or 3.12 with venv among ${candidates.join(", ")}`);
  return found;
}

/** Runs a program, its output into the log. @throws Error with the last line that it wrote when it fails. */
function runLogged(logFile: string, program: string, args: readonly string[]): void {
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    encoding: "utf8",
    timeout: timeoutMs,
    stdio: ["ignore", "pipe", "pipe"],
  });
  appendFileSync(logFile, `$ ${program} ${args.join(" ")}\n${stdout ?? ""}${stderr ?? ""}`);
  if (status === 0) return;
  const lines = `${stdout ?? ""}\n${stderr ?? ""}`.split("\n").filter((line) => line.trim() !== "");
  throw new Error(error?.message ?? lines.at(-1) ?? `${program} failed (${status})`);
}

function install(environment: PeerEnvironment, logFile: string): void {
  const { folder, python, requirementsFile, constraintsFile, completeFile } = environment;
  rmSync(folder, { recursive: true, force: true });
  runLogged(logFile, findPython(), ["-m", "venv", folder]);
  const quiet = ["--quiet", "--no-compile", "--disable-pip-version-check", "--no-input"];
  runLogged(logFile, python, ["-m", "pip", "install", ...quiet, "-r", requirementsFile, "-c", constraintsFile]);
  writeFileSync(completeFile, "");
}

function main(): void {
  const { values } = parseArgs({ options: { peers: { type: "string" }, help: { type: "boolean" } } });
  if (values.help === true) throw new Error(usage);
  const chosen = values.peers === undefined ? peers : peersNamed(values.peers.split(","));
  const names = new Set(chosen.flatMap(({ environment }) => environment ?? []));
  mkdirSync(cacheDir(), { recursive: true });
  const logFile = join(cacheDir(), "install.log");
  writeFileSync(logFile, "");
  const missing: string[] = [];
  for (const name of names) {
    const beganMs = performance.now();
    const environment = environmentOf(name);
    try {
      if (!isInstalled(environment)) install(environment, logFile);
      say(`${name} ${environment.version} ready after ${Math.round((performance.now() - beganMs) / 1000)} s`);
    } catch (error) {
      say(`${name} ${environment.version} MISSING: ${error instanceof Error ? error.message : String(error)}`);
      missing.push(name);
    }
  }
  if (missing.length === 0) return;
  say(`${missing.join(", ")} will be left out; ${logFile} tells more`);
  if (process.env.CI === "true") process.exitCode = 1;
}

try {
  main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
