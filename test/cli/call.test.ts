// `predictd call` as a child process, against predictd's own services and against a server that is not predictd.

import { execFile } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { FakeServer } from "../client/support/fake-server.ts";
import { startFakeServer } from "../client/support/fake-server.ts";
import type { EchoServer } from "./support/echo-server.ts";
import { startEchoServer } from "./support/echo-server.ts";
import type { CliRun } from "./support/run-cli.ts";
import { ROOT, runCli, startCli } from "./support/run-cli.ts";
import { runHere } from "./support/run-here.ts";

const isLoader = (path: string): boolean => path.startsWith("node_modules/@grpc/proto-loader/");

let server: FakeServer;
let echo: EchoServer;

beforeAll(async () => {
  [server, echo] = await Promise.all([startFakeServer(), startEchoServer()]);
});

afterAll(async () => {
  server.close();
  await echo.close();
});

const call = (...args: readonly string[]): Promise<CliRun> => runCli(["call", ...args], { PREDICTD_ADDRESS: server.address });

const echoArgs = (method: string, args: readonly string[]): readonly string[] => {
  const files = ["--proto", join(echo.folder, "echo.proto"), "--include", join(echo.folder, "include")];
  return ["call", `Echo/${method}`, "--address", echo.address, ...files, ...args];
};

const callEcho = (method: string, ...args: readonly string[]): Promise<CliRun> => runCli(echoArgs(method, args));

const lines = ({ stdout }: CliRun): readonly unknown[] =>
  stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown);

const stdin = (args: readonly string[], input: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = { cwd: echo.folder, maxBuffer: 16 * 1024 * 1024 };
    const child = execFile(process.execPath, [join(ROOT, "src/main.ts"), ...args], options, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    );
    child.stdin!.end(input);
  });

describe("predictd's own services need no proto files", () => {
  test("unary: names of enums, 64 bits as text, bytes in base64, what is not set left out", async () => {
    const raw = Buffer.from(Int32Array.of(1, 2, 3, 4).buffer).toString("base64");
    const tensor = (name: string) => ({ name, dataType: "DATA_TYPE_INT32", shape: [1, "4"], raw });
    const message = { model: "simple", request_id: "7", inputs: [tensor("INPUT0"), tensor("INPUT1")], outputs: ["OUTPUT0"] };
    const run = await call("predictd.v1.PredictionService/Predict", "--json", JSON.stringify(message));
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(lines(run)).toMatchObject([
      {
        model: "simple",
        requestId: "7",
        outputs: [{ name: "OUTPUT0", dataType: "DATA_TYPE_INT32", shape: ["1", "4"], raw: "AgAAAAQAAAAGAAAACAAAAA==" }],
        timings: { runUs: expect.stringMatching(/^\d+$/) },
      },
    ]);
    expect(run.stdout).not.toContain("strings");
  });

  test("without --json the message is empty; a dot before the method does as well", async () => {
    expect(await call("grpc.health.v1.Health.Check")).toEqual({ code: 0, stdout: '{"status":"SERVING"}\n', stderr: "" });
  });

  test("a failure is the same block as that of other commands", async () => {
    const input = { name: "x", dataType: "DATA_TYPE_FP32", shape: [1, 3], raw: "" };
    const run = await call("predictd.v1.PredictionService/Predict", "--json", JSON.stringify({ model: "bad", inputs: [input] }));
    expect(run).toEqual({
      code: 1,
      stdout: "",
      stderr:
        'error: INVALID_ARGUMENT (INPUT_SHAPE_MISMATCH)\n  The inputs do not fit the signature.\n  - inputs["x"].shape[1]: must be 4, not 3\n',
    });
  });

  test("answers stand on stdout before the failure that follows them", async () => {
    const run = await call("grpc.health.v1.Health/Watch", "--timeout-ms", "1500");
    expect(run).toMatchObject({
      code: 1,
      stdout: '{"status":"NOT_SERVING"}\n',
      stderr: expect.stringMatching(/^error: DEADLINE_EXCEEDED\n/),
    });
  });

  test("Ctrl-C ends a stream that does not end", async () => {
    const run = startCli(["call", "grpc.health.v1.Health/Watch", "--address", server.address]);
    await once(run.stdout, "data");
    run.kill("SIGINT");
    expect(await run.ended).toMatchObject({ code: 1, stderr: "error: interrupted\n" });
  });
});

describe("any server by its proto files", () => {
  test("every kind of field goes there and back", async () => {
    const sent = {
      flag: true,
      text: "ü",
      data: "-_8=",
      i32: -2147483648,
      i64: "-9223372036854775808",
      u32: 4294967295,
      u64: "18446744073709551615",
      f32: 0.5,
      f64: "-Infinity",
      colour: "COLOUR_RED",
      manyColours: [1, "COLOUR_NONE", 7],
      inner: { textValue: "a" },
      inners: [{}, { text_value: "b" }],
      by_name: { __proto__x: { textValue: "c" } },
      byNumber: { "-5": "five" },
      byFlag: { true: "COLOUR_RED" },
      right: { textValue: "d" },
      left: null,
      any: { "@type": "type.googleapis.com/kinds.v1.Kinds.Inner", text_value: "e" },
      maybe1: 0,
      list: ["NaN", 1e300],
    };
    const run = await callEcho("Say", "--json", JSON.stringify(sent));
    expect(run).toMatchObject({ code: 0, stderr: "" });
    const { by_name: byName, left: _, maybe1: maybe, ...same } = sent;
    expect(lines(run)).toEqual([
      {
        ...same,
        byName,
        data: "+/8=",
        manyColours: ["COLOUR_RED", "COLOUR_NONE", 7],
        inners: [{}, { textValue: "b" }],
        any: { "@type": "type.googleapis.com/kinds.v1.Kinds.Inner", textValue: "e" },
        maybe_1: maybe,
      },
    ]);
  });

  test("integers that are numbers in JSON lose no digit", async () => {
    expect(lines(await callEcho("Say", "--json", '{"i64":-9007199254740993,"u64":18446744073709551615}'))).toEqual([
      { i64: "-9007199254740993", u64: "18446744073709551615" },
    ]);
  });

  test("a stream of requests is an array, or one message on each line, or a single message", async () => {
    const file = join(echo.folder, "messages.ndjson");
    await writeFile(file, '{"names":["a","b"]}\n\n{"names":["c"]}\n');
    expect(lines(await callEcho("Count", "--json", '[{"names":["a","b"]},{}]'))).toEqual([{ names: ["a+b", ""] }]);
    expect(lines(await callEcho("Count", "--json", `@${file}`))).toEqual([{ names: ["a+b", "c"] }]);
    expect(lines(await callEcho("Count", "--json", '{\n  "names": ["a"]\n}'))).toEqual([{ names: ["a"] }]);
    expect(lines(await callEcho("Count"))).toEqual([{}]);
  });

  test("a stream of answers, and both at once from the standard input", async () => {
    expect(lines(await callEcho("Split", "--json", '{"names":["a","b"]}'))).toEqual([{ names: ["a"] }, { names: ["b"] }]);
    const flags = ["--address", echo.address, "--proto", "echo.proto", "--include", "include"];
    // More than the stream's window, so that neither side may wait for the other to end.
    const message = `${JSON.stringify({ names: ["x".repeat(1000)] })}\n`;
    const answers = await stdin(["call", "Echo/Chat", ...flags, "--json", "@-"], message.repeat(2000));
    expect(answers === message.repeat(2000)).toBe(true);
  });

  test("a server that answers before it has read everything", async () => {
    const file = join(echo.folder, "many.json");
    await writeFile(file, JSON.stringify(Array.from({ length: 3000 }, (_, i) => ({ names: [`${i}`, "x".repeat(1000)] }))));
    const run = await callEcho("First", "--json", `@${file}`);
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(lines(run)).toMatchObject([{ names: ["0", expect.anything()] }]);
  });

  test("a method that gives more answers than its file says", async () => {
    const flags = ["--address", echo.address, "--proto", join(echo.folder, "outdated.proto")];
    const run = await call("Echo/Split", ...flags, "--json", '{"names":["a","b"]}');
    expect(run).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: INTERNAL\n {2}\/Echo\/Split ended with OK after 2 messages/),
    });
  });

  test("headers, repeated and binary ones", async () => {
    const flags = ["--metadata", "x-a=1=2", "--metadata", "X-A=3", "--metadata", "x-b-bin=aGk="];
    expect(lines(await callEcho("Headers", ...flags))).toEqual([{ names: ["x-a=1=2, 3", "x-b-bin=hi"] }]);
  });

  test("a status without details", async () => {
    expect(await callEcho("Refuse")).toEqual({ code: 1, stdout: "", stderr: "error: ALREADY_EXISTS\n  It is there.\n" });
  });
});

describe("what goes wrong says what is allowed, and asks nobody", () => {
  test.each([
    ["a name without a method", ["Predict"], /Predict is not a method; write it as package\.Service\/Method\.$/m],
    ["an unknown service", ["ModelService/GetModel"], /no service ModelService; did you mean "predictd\.v1\.ModelService"\?/],
    ["an unknown method", ["grpc.health.v1.Health/Chek"], /no method Chek; did you mean "Check"\?/],
    [
      "an unknown field",
      ["predictd.v1.ModelService/GetModel", "--json", '{"nam":1}'],
      /GetModelRequest has no field "nam"; did you mean "name"\?/,
    ],
    ["a file that is not there", ["a.B/C", "--proto", "nowhere.proto"], /--proto: nowhere\.proto is not in \//],
    ["folders without a file", ["a.B/C", "--include", "."], /--include goes with --proto only/],
    ["a header without a value", ["grpc.health.v1.Health/Check", "--metadata", "a"], /--metadata a: write it as --metadata key=value/],
    ["a header's key", ["grpc.health.v1.Health/Check", "--metadata", "a b=c"], /a key has only letters, digits/],
    ["a header's value", ["grpc.health.v1.Health/Check", "--metadata", "a=ü"], /only printable ASCII/],
    ["a binary header's value", ["grpc.health.v1.Health/Check", "--metadata", "a-bin=?"], /must be base64/],
    ["a message's file", ["grpc.health.v1.Health/Check", "--json", "@nowhere.json"], /--json: nowhere\.json cannot be read \(ENOENT\)/],
    ["an address", ["grpc.health.v1.Health/Check", "--address", "localhost"], /must be host:port/],
  ])("%s", async (_, args, message) => {
    const run = await runHere(["call", ...args]);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toMatch(message);
    expect(run.stderr).not.toMatch(/^\s+at |Warning/m);
  });

  test.each([
    ["not JSON", "Say", "{", /^error: --json is not JSON: /],
    ["a line that is not JSON", "Count", "{}\n{\n", /^error: --json line 2 is not JSON: /],
    ["many messages for one", "Say", "[{}]", /takes one message, an object, not an array of them\.$/m],
    ["no object", "Say", "5", /--json: must be an object with fields of kinds\.v1\.Kinds, not 5\.$/m],
    ["the message of a stream", "Count", '[{},{"names":"a"}]', /--json message 2: names must be an array, not "a"\.$/m],
    [
      "a field below",
      "Say",
      '{"inners":[{},{"x":1}]}',
      /--json: inners\[1\] \(kinds\.v1\.Kinds\.Inner\) has no field "x"; known: textValue\.$/m,
    ],
    ["an integer's range", "Say", '{"u32":-1}', /u32 must be an integer from 0 to 4294967295, not -1\.$/m],
    ["64 bits", "Say", '{"i64":9223372036854775808}', /i64 must be an integer from -9223372036854775808 to 9223372036854775807, not /],
    ["a fraction", "Say", '{"i32":1.5}', /i32 must be an integer/],
    ["text for a number", "Say", '{"f64":"many"}', /f64 must be a number, not "many"\.$/m],
    ["a number for text", "Say", '{"text":1}', /text must be text, not 1\.$/m],
    ["base64", "Say", '{"data":"a"}', /data must be text in base64, not "a"\.$/m],
    ["an enum", "Say", '{"colour":"RED"}', /colour \(kinds\.v1\.Kinds\.Colour\) cannot be "RED"; did you mean "COLOUR_RED"\?$/m],
    ["a map", "Say", '{"byName":[]}', /byName must be an object of key to value, not \[\]\.$/m],
    ["a map's key", "Say", '{"byNumber":{"x":""}}', /byNumber has the key "x"; a key must be an integer/],
    ["a map's value", "Say", '{"byName":{"a":{"x":1}}}', /byName\["a"\] \(kinds\.v1\.Kinds\.Inner\) has no field "x"/],
    ["both of a oneof", "Say", '{"left":"a","right":{}}', /kinds\.v1\.Kinds may have only one of "left" and "right"\.$/m],
    ["a packed message", "Say", '{"any":{"@type":"x/y.Z"}}', /any is a message y\.Z, which the proto files do not have\.$/m],
    ["a name of every object", "Say", '{"__proto__":{},"constructor":1}', /has no field "__proto__"/],
  ])("%s", async (_, method, json, message) => {
    const run = await runHere(echoArgs(method, ["--json", json]));
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toMatch(message);
    expect(run.stderr).not.toMatch(/^\s+at /m);
  });

  test("proto files that cannot be used", async () => {
    const broken = await call("a.B/C", "--proto", join(echo.folder, "broken.proto"));
    expect(broken).toMatchObject({ code: 2, stderr: expect.stringMatching(/^error: --proto: illegal .*broken\.proto, line 1.*\n$/) });
    const orphan = await call("a.B/C", "--proto", join(echo.folder, "orphan.proto"));
    expect(orphan).toMatchObject({ code: 2, stderr: expect.stringMatching(/^error: --proto: nowhere\/at\/all\.proto not found in .*\n$/) });
  });

  test("no server", async () => {
    const run = await call("grpc.health.v1.Health/Check", "--address", "127.0.0.1:1");
    expect(run).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/^error: UNAVAILABLE\n.*\n {2}Is the server running\?/),
    });
  });
});

describe("what is loaded", () => {
  const hook = `import { registerHooks } from "node:module";
    registerHooks({ load(url, context, next) { process.stderr.write("loaded " + url + "\\n"); return next(url, context); } });`;

  async function loadedBy(...args: readonly string[]): Promise<readonly string[]> {
    const { stderr } = await runCli(args, { PREDICTD_ADDRESS: server.address }, [
      "--import",
      `data:text/javascript,${encodeURIComponent(hook)}`,
    ]);
    return stderr.split("\n").flatMap((line) => (line.startsWith("loaded file:") ? [relative(ROOT, fileURLToPath(line.slice(7)))] : []));
  }

  test("proto-loader only by the call itself, and then neither the generated services nor the server", async () => {
    expect((await loadedBy("health")).filter(isLoader)).toEqual([]);
    expect((await loadedBy("call", "--help")).filter(isLoader)).toEqual([]);
    const loaded = await loadedBy("call", "grpc.health.v1.Health/Check");
    expect(loaded.filter(isLoader)).not.toEqual([]);
    expect(loaded.filter((path) => /^src\/(app|api|transport|registry|engine|predict)\b|^generated\/predictd/.test(path))).toEqual([]);
  });
});
