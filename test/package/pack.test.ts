// The packed package, installed in a second project: its server runs, its client is imported, type-checked and used.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "@jest/globals";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** npm and node as this test runs with them, and nothing of the npm that may have started it. */
const ENV: NodeJS.ProcessEnv = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(lifecycle|package|command|node|execpath)/.test(name))),
  PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`,
  // The CUDA files of onnxruntime are large and not needed here.
  npm_config_onnxruntime_node_install: "skip",
};

let project: string;
let server: ReturnType<typeof spawn> | undefined;
let address: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "predictd-pack-"));
  const packed = await run("npm", ["pack", "--json", "--pack-destination", project], { cwd: ROOT, env: ENV });
  const [{ filename }] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf("[\n"))) as [{ filename: string }];
  await writeFile(join(project, "package.json"), '{"name":"second","private":true,"type":"module"}');
  const install = ["install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", join(project, filename)];
  await run("npm", install, { cwd: project, env: ENV });
  const installed = join(project, "node_modules/predictd");
  server = spawn(
    process.execPath,
    [join(installed, "bin/predictd.js"), "serve", join(installed, "models"), "--host", "127.0.0.1", "--grpc-port", "0"],
    {
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  for await (const line of createInterface(server.stdout!)) {
    const match = /^\w+ .* (127\.0\.0\.1:\d+)$/.exec(line);
    if (match !== null) {
      address = match[1]!;
      break;
    }
  }
}, 120_000);

afterAll(async () => {
  server?.kill("SIGTERM");
  if (server?.exitCode === null) await once(server, "exit");
  await rm(project, { recursive: true });
});

test("packing leaves nothing in the checkout but dist, which git ignores", async () => {
  expect((await readdir(ROOT)).filter((name) => name.endsWith(".tgz"))).toEqual([]);
  expect(await readFile(join(ROOT, ".gitignore"), "utf8")).toMatch(/^dist\/$/m);
});

test("the tarball holds the build, the contract and the models, and no sources or tests", async () => {
  const { stdout } = await run("npm", ["ls", "--json", "--depth", "0"], { cwd: project, env: ENV });
  expect(Object.keys((JSON.parse(stdout) as { dependencies: object }).dependencies)).toEqual(["predictd"]);
  const installed = join(project, "node_modules/predictd");
  for (const file of [
    "dist/src/client/client.js",
    "dist/src/client/client.d.ts",
    "proto/predictd/v1/prediction.proto",
    "generated/image.binpb",
  ]) {
    expect((await readFile(join(installed, file))).byteLength).toBeGreaterThan(0);
  }
  await expect(readFile(join(installed, "src/main.ts"))).rejects.toThrow("ENOENT");
  await expect(readFile(join(installed, "test/package/pack.test.ts"))).rejects.toThrow("ENOENT");
});

test("a program imports predictd/client and makes a prediction", async () => {
  const program = `
    import { createClient, PredictdError, tensor, values } from "predictd/client";
    const client = createClient(process.argv[2]);
    const { outputs } = await client.predict({ model: "toxicity", inputs: [tensor("text", ["You are an idiot", "Good morning"])] });
    console.log(values(outputs[0]).join());
    await client.getModel("nothing").catch((error) => console.log(error instanceof PredictdError, error.code, error.reason));
    client.close();`;
  await writeFile(join(project, "ask.mjs"), program);
  expect((await run(process.execPath, ["ask.mjs", address], { cwd: project })).stdout).toBe("toxic,ok\ntrue NOT_FOUND MODEL_NOT_FOUND\n");
});

test("the types are there, and wrong use is an error", async () => {
  const program = `
    import type { PredictdClient, PredictResult } from "predictd/client";
    import { createClient, tensor, values } from "predictd/client";
    const client: PredictdClient = createClient({ address: "127.0.0.1:8001", defaultDeadlineMs: 500 });
    const result: PredictResult = await client.predict({ model: "m", inputs: [tensor("x", new Float32Array(4), [1, 4])] }, { timeoutMs: 100 });
    export const numbers: Float32Array = values(result.outputs[0]!, "FP32");
    export const texts: readonly string[] = values(result.outputs[0]!, "STRING");
    // @ts-expect-error -- a model is needed
    void client.predict({ inputs: [] });
    for await (const chunk of client.predictStream({ model: "m", inputs: [] }, { chunkRows: 8 })) console.log(chunk.firstRow.toFixed());`;
  await writeFile(join(project, "typed.ts"), program);
  const options = {
    target: "es2024",
    module: "nodenext",
    strict: true,
    noEmit: true,
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
  };
  await writeFile(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["typed.ts"] }));
  const checked = await run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "."], { cwd: project }).catch(
    (error: unknown) => error,
  );
  expect((checked as { stdout: string }).stdout).toBe("");
}, 30_000);

test("the installed command asks a server", async () => {
  const { stdout } = await run(join(project, "node_modules/.bin/predictd"), ["health", "--address", address], { cwd: project, env: ENV });
  expect(stdout).toBe("SERVING\n");
});
