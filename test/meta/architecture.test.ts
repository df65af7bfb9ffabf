import { describe, expect, test } from "@jest/globals";
import { filesBelow, importsOf, read } from "./source-files.ts";

/** For each room, the rooms it may import values and types from, besides itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "src/main.ts": ["src/flags.ts", "src/cli"],
  "src/flags.ts": [],
  "src/cli": ["src/app.ts", "src/tune.ts", "src/registry", "src/client", "src/config", "src/telemetry", "src/tensor", "src/errors.ts"],
  "src/app.ts": ["src/api", "src/guard", "src/config", "src/engine", "src/predict", "src/registry", "src/telemetry", "src/transport"],
  "src/tune.ts": ["src/config", "src/engine", "src/registry", "src/telemetry"],
  "src/guard": ["src/lib"],
  "src/transport": ["src/api", "src/guard", "src/predict", "src/registry", "src/tensor", "src/lib", "generated"],
  "src/api": ["src/predict", "src/registry", "src/telemetry", "src/tensor", "src/lib"],
  "src/predict": ["src/engine", "src/tensor", "src/lib"],
  "src/registry": ["src/predict", "src/engine", "src/config", "src/tensor", "src/lib"],
  "src/engine": ["src/tensor", "src/lib"],
  "src/client": ["src/tensor", "src/errors.ts", "generated"],
  "src/config": ["src/lib"],
  "src/tensor": ["src/lib"],
  "src/telemetry": ["src/config", "src/lib"],
  "src/lib": [],
  "src/errors.ts": [],
  "src/call.ts": ["src/lib"],
};

/** What everybody may import. */
const FOR_ALL = ["src/errors.ts", "src/call.ts", "src/telemetry/instruments.ts", "src/telemetry/logger.ts"];

/** Packages with one importer. */
const ONE_IMPORTER: Readonly<Record<string, readonly string[]>> = {
  "onnxruntime-node": ["src/engine/onnx"],
  "@grpc/grpc-js": ["src/transport/grpc", "src/client"],
  "@grpc/reflection": ["src/transport/grpc"],
  "node:http2": ["src/transport"],
  commander: ["src/cli"],
};

function roomOf(path: string): string {
  const room = Object.keys(MAY_IMPORT).find((candidate) => path === candidate || path.startsWith(`${candidate}/`));
  if (room !== undefined) return room;
  return path.startsWith("generated/") ? "generated" : `no room for ${path}`;
}

/** Why an import is not allowed; undefined when it is. */
function whyForbidden(from: string, target: string, typeOnly: boolean): string | undefined {
  const room = roomOf(from);
  const other = roomOf(target);
  if (room === other || (MAY_IMPORT[room] ?? []).includes(other) || FOR_ALL.includes(target)) return undefined;
  // A Triton model configuration is a file format that is defined by its message.
  if (room === "src/registry" && target === "generated/inference/model_config.ts") return undefined;
  // Types of configuration and snapshots may be seen from anywhere.
  if (typeOnly && (target.startsWith("src/config/") || target === "src/registry/view.ts")) return undefined;
  return `${from} imports ${target}`;
}

const sources = filesBelow("src", ".ts");

describe("rooms", () => {
  test("every file stands in a room", () => {
    expect(sources.map(roomOf).filter((room) => room.startsWith("no room"))).toEqual([]);
  });

  test("imports go in one direction", () => {
    const forbidden = sources.flatMap((from) =>
      importsOf(from)
        .filter(({ own }) => own)
        .flatMap(({ target, typeOnly }) => whyForbidden(from, target, typeOnly) ?? []),
    );
    expect(forbidden).toEqual([]);
  });

  test("the check sees a wrong import", () => {
    expect(whyForbidden("src/tensor/tensor.ts", "src/engine/engine.ts", true)).toBeDefined();
    expect(whyForbidden("src/predict/predict.ts", "src/transport/grpc/server.ts", false)).toBeDefined();
    expect(importsOf("src/app.ts").length).toBeGreaterThan(5);
  });

  test("some packages have one importer", () => {
    const strays = sources.flatMap((from) =>
      importsOf(from)
        .filter(({ target }) => target in ONE_IMPORTER && !ONE_IMPORTER[target]!.some((room) => from.startsWith(`${room}/`)))
        .map(({ target }) => `${from} imports ${target}`),
    );
    expect(strays).toEqual([]);
  });
});

describe("house rules", () => {
  test("no barrels, no default exports of our own, no exit but in main", () => {
    expect(sources.filter((path) => path.endsWith("/index.ts"))).toEqual([]);
    expect(sources.filter((path) => /process\.exit/.test(read(path)) && path !== "src/main.ts")).toEqual([]);
  });

  test("every file begins with a sentence about what lives there", () => {
    expect(sources.filter((path) => !/^\/\/ [^\n]+[.:;]\n/.test(read(path)))).toEqual([]);
  });

  test("nothing is left for later without an issue", () => {
    expect(
      [...sources, ...filesBelow("test", ".ts"), ...filesBelow("bench", ".ts")].filter((path) =>
        /\b(?:TO(?:DO)|FIX(?:ME))\b/.test(read(path)),
      ),
    ).toEqual([]);
  });
});
