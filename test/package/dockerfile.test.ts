// The Dockerfile's promises that need no daemon: its stages and sources exist, both images are the same but for CUDA, and the way to the
// CUDA provider is one that onnxruntime's install script knows.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const read = (name: string) => readFileSync(join(ROOT, name), "utf8");

interface Stage {
  readonly name: string;
  readonly from: string;
  /** Instructions after FROM, continued lines joined. */
  readonly instructions: readonly string[];
}

/** Stages in their order. Lines of comments between continued lines are no part of an instruction. */
function parseStages(text: string): readonly Stage[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.trim().startsWith("#"));
  const instructions = lines
    .join("\n")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n");
  const stages: { name: string; from: string; instructions: string[] }[] = [];
  for (const instruction of instructions) {
    const from = /^FROM (\S+) AS (\S+)$/.exec(instruction);
    if (from !== null) stages.push({ name: from[2]!, from: from[1]!, instructions: [] });
    else stages.at(-1)?.instructions.push(instruction);
  }
  return stages;
}

const stages = parseStages(read("Dockerfile"));
const stageOf = (name: string) => stages.find((stage) => stage.name === name)!;
/** How a stage's container runs. */
const how = (name: string) =>
  stageOf(name).instructions.filter((line) => /^(ENV|USER|EXPOSE|STOPSIGNAL|ENTRYPOINT|CMD|WORKDIR) /.test(line));
const copiesOf = (stage: Stage) => stage.instructions.filter((line) => line.startsWith("COPY ")).map((line) => line.split(" ").slice(1));

describe("the Dockerfile", () => {
  test("builds on stages that stand before, or on images", () => {
    const known = new Set<string>();
    for (const stage of stages) {
      expect(known.has(stage.from) || /^(node:|\$\{CUDA_IMAGE\})/.test(stage.from)).toBe(true);
      for (const [first] of copiesOf(stage)) {
        const source = /^--from=(.*)$/.exec(first!)?.[1];
        if (source !== undefined) expect([...known]).toContain(source);
      }
      known.add(stage.name);
    }
    expect(stages.map(({ name }) => name)).toEqual(["base", "build", "dependencies", "app", "cuda-libraries", "cuda", "cpu"]);
  });

  test("copies what is there and what .dockerignore lets in", () => {
    const allowed = read(".dockerignore")
      .split("\n")
      .filter((line) => line.startsWith("!"))
      .map((line) => line.slice(1));
    const sources = stages.flatMap((stage) =>
      copiesOf(stage)
        .filter(([first]) => !first!.startsWith("--from="))
        .flatMap((words) => words.slice(0, -1)),
    );
    expect(sources.length).toBeGreaterThan(8);
    for (const source of sources) {
      expect(existsSync(join(ROOT, source))).toBe(true);
      expect(allowed).toContain(source.split("/")[0]);
    }
  });

  test("runs nothing that the shell cannot read", () => {
    const commands = stages.flatMap(({ instructions }) => instructions.filter((line) => line.startsWith("RUN ")));
    expect(commands.length).toBeGreaterThan(4);
    for (const command of commands) execFileSync("sh", ["-n", "-c", command.slice(4)]);
  });

  test("makes the CPU image unless told otherwise, and the CUDA image alike", () => {
    expect(stages.at(-1)?.name).toBe("cpu");
    expect(how("cpu")).toEqual(how("cuda").filter((line) => !line.startsWith("WORKDIR")));
    for (const name of ["cpu", "cuda"]) {
      expect(how(name)).toContain("USER 1000:1000");
      expect(how(name).find((line) => line.startsWith("ENV"))).toContain("ORT_DISABLE_TELEMETRY=1");
      expect(stageOf(name).instructions.filter((line) => line.startsWith("HEALTHCHECK"))).toHaveLength(1);
    }
  });
});

describe("the CUDA provider", () => {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve("onnxruntime-node/package.json"));
  const libraries = ["libonnxruntime_providers_cuda.so", "libonnxruntime_providers_shared.so"];

  test("is what the runtime's install script fetches when it is told to, in the runtime's own version", () => {
    const { requirements, manifests, packages } = require(join(folder, "script/install-metadata.js")) as {
      requirements: Readonly<Record<string, readonly string[]>>;
      manifests: Readonly<Record<string, Readonly<Record<string, { readonly package: string }>>>>;
      packages: Readonly<Record<string, { readonly versions: readonly { readonly version: string }[] }>>;
    };
    expect(requirements["linux/x64"]).toEqual(["cuda12"]);
    const manifest = manifests["linux/x64:cuda12"]!;
    for (const library of libraries) expect(Object.keys(manifest)).toContain(`./${library}`);
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { readonly version: string };
    const source = packages[manifest[`./${libraries[0]}`]!.package]!;
    expect(source.versions.map((candidate) => candidate.version)).toEqual([version]);
  });

  test("is fetched with a word that the script acts on", () => {
    const command = stageOf("cuda-libraries").instructions.find((line) => line.startsWith("RUN "))!;
    const [, word, script] = /^RUN ONNXRUNTIME_NODE_INSTALL=(\S+) node node_modules\/onnxruntime-node\/(\S+)/.exec(command)!;
    expect(existsSync(join(folder, script!))).toBe(true);
    const ask = `process.stdout.write(String(require(${JSON.stringify(join(folder, "script/install-utils.js"))}).parseInstallFlag()))`;
    const env = { PATH: process.env["PATH"], ONNXRUNTIME_NODE_INSTALL: word };
    expect(execFileSync(process.execPath, ["-e", ask], { env, encoding: "utf8" })).toBe("true");
  });

  test("lands where the server looks for it", () => {
    const target = copiesOf(stageOf("cuda"))
      .find(([first]) => first === "--from=cuda-libraries")!
      .at(-1)!;
    expect(target).toBe("node_modules/onnxruntime-node/bin/napi-v6/linux/x64");
    for (const library of libraries) expect(stageOf("cuda-libraries").instructions.join("\n")).toContain(library);
  });
});

test.each([
  ["docker-compose.yml", "cpu"],
  ["docker-compose.cuda.yml", "cuda"],
])("%s builds the stage %s", (file, target) => {
  const compose = parse(read(file)) as { readonly services: { readonly predictd: { readonly build: { readonly target: string } } } };
  expect(compose.services.predictd.build.target).toBe(target);
  expect(stageOf(target)).toBeDefined();
});
