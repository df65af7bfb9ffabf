// What the scan finds in folders of every layout, made for real.

import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type FoundModel, scanModelFolder } from "../../src/registry/source.ts";

let base: string;
let root: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "predictd-scan-"));
  root = join(base, "models");
  mkdirSync(root);
});
afterEach(() => rmSync(base, { recursive: true }));

/** Makes files (`a/b`), folders (`a/`) and links (`a -> target`) below the model folder. */
function make(...entries: readonly string[]): void {
  for (const entry of entries) {
    const [path, target] = entry.split(" -> ");
    const full = join(root, path!);
    mkdirSync(entry.endsWith("/") ? full : dirname(full), { recursive: true });
    if (target !== undefined) symlinkSync(target, full);
    else if (!entry.endsWith("/")) writeFileSync(full, "");
  }
}

/** A result on one line each, with paths from the model folder. */
function brief(models: readonly FoundModel[], folder = root): readonly string[] {
  const short = (path: string) => path.slice(folder.length + 1);
  return models.map(({ name, manifestPath, configPath, versions, problem, warnings }) => {
    const parts = [
      ...versions.map(({ version, modelPath }) => `${version}=${short(modelPath)}`),
      ...[manifestPath, configPath].flatMap((file) => (file === undefined ? [] : [short(file)])),
      ...(problem === undefined ? [] : [`PROBLEM ${problem}`]),
      ...warnings.map((warning) => `WARNING ${warning}`),
    ];
    return [name, ...parts].join(" | ");
  });
}

const NAME_PROBLEM =
  "PROBLEM the name is not allowed: a model name has 1 to 128 letters, digits, _, - or . and starts with a letter, a digit or _";
const NOT_A_VERSION = "is not a version, which is a number from 1 to 9223372036854775807 without leading zeros";

describe("layouts", () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ["empty folder", [], []],
    ["version folder", ["a/1/model.onnx"], ["a | 1=a/1/model.onnx"]],
    ["manifest", ["a/1/model.onnx", "a/model.yaml"], ["a | 1=a/1/model.onnx | a/model.yaml"]],
    ["folder without versions", ["a/model.onnx", "a/model.yaml"], ["a | 1=a/model.onnx | a/model.yaml"]],
    ["Triton's configuration", ["a/1/model.onnx", "a/config.pbtxt"], ["a | 1=a/1/model.onnx | a/config.pbtxt"]],
    ["both configurations", ["a/1/model.onnx", "a/config.pbtxt", "a/model.yaml"], ["a | 1=a/1/model.onnx | a/model.yaml | a/config.pbtxt"]],
    ["a folder of the model file's name", ["a/1/model.onnx/model.onnx", "a/1/model.onnx/weights"], ["a | 1=a/1/model.onnx/model.onnx"]],
    [
      "a configuration without a model",
      ["a/config.pbtxt"],
      ["a | a/config.pbtxt | PROBLEM the folder holds neither model.onnx nor <version>/model.onnx"],
    ],
    ["bare file", ["a.onnx"], ["a | 1=a.onnx"]],
    [
      "models in order of their names",
      ["b.onnx", "a10.onnx", "a9/model.onnx", "B/1/model.onnx", "_c.onnx"],
      ["B | 1=B/1/model.onnx", "_c | 1=_c.onnx", "a10 | 1=a10.onnx", "a9 | 1=a9/model.onnx", "b | 1=b.onnx"],
    ],
    [
      "versions highest first, by number",
      ["a/2/model.onnx", "a/10/model.onnx", "a/9/model.onnx"],
      ["a | 10=a/10/model.onnx | 9=a/9/model.onnx | 2=a/2/model.onnx"],
    ],
    [
      "versions above 2^53",
      ["a/9007199254740992/model.onnx", "a/9007199254740993/model.onnx", "a/9223372036854775807/model.onnx"],
      [
        "a | 9223372036854775807=a/9223372036854775807/model.onnx | 9007199254740993=a/9007199254740993/model.onnx | 9007199254740992=a/9007199254740992/model.onnx",
      ],
    ],
    ["one file of another name", ["a/1/net.onnx", "b/net.onnx"], ["a | 1=a/1/net.onnx", "b | 1=b/net.onnx"]],
    ["model.onnx wins over other names", ["a/1/model.onnx", "a/1/extra.onnx"], ["a | 1=a/1/model.onnx"]],
    [
      "external data and notes beside the model",
      ["a/1/model.onnx", "a/1/model.onnx.data", "a/README.md", "a/train.py", "a/weights/w.bin"],
      ["a | 1=a/1/model.onnx"],
    ],
    [
      "things that are no models",
      [
        "README.md",
        "notes/x.txt",
        "my notes/x.txt",
        "data/x.csv",
        "empty/",
        ".hidden/1/model.onnx",
        ".x.onnx",
        "lost+found/",
        "model.yaml",
      ],
      [],
    ],
    ["a version without a model", ["data/1/x.plan"], ["data | PROBLEM version 1 holds no .onnx file"]],
    ["hidden entries in a model", ["a/1/model.onnx", "a/1/.old.onnx", "a/.2/model.onnx"], ["a | 1=a/1/model.onnx"]],
    [
      "dots and dashes in names",
      ["resnet-50.v2.onnx", "x.y/1/model.onnx"],
      ["resnet-50.v2 | 1=resnet-50.v2.onnx", "x.y | 1=x.y/1/model.onnx"],
    ],
    ["longest name", [`${"n".repeat(128)}/model.onnx`], [`${"n".repeat(128)} | 1=${"n".repeat(128)}/model.onnx`]],
  ])("%s", async (_, entries, expected) => {
    make(...entries);
    expect(brief(await scanModelFolder(root))).toEqual(expected);
  });
});

describe("warnings", () => {
  test.each<[string, readonly string[], readonly string[]]>([
    [
      "version folders win over a model beside them",
      ["a/1/model.onnx", "a/model.onnx"],
      ["a | 1=a/1/model.onnx | WARNING the .onnx file beside the version folders is left out"],
    ],
    [
      "a folder wins over a bare file",
      ["a/1/model.onnx", "a.onnx"],
      ['a | 1=a/1/model.onnx | WARNING "a.onnx" beside the folder of the same name is left out'],
    ],
    ["version without a model", ["a/1/model.onnx", "a/2/"], ["a | 1=a/1/model.onnx | WARNING version 2 holds no .onnx file"]],
    [
      "version with several models",
      ["a/1/model.onnx", "a/2/x.onnx", "a/2/y.onnx"],
      ["a | 1=a/1/model.onnx | WARNING version 2 holds 2 .onnx files, none of them named model.onnx"],
    ],
    [
      "folders that look like versions",
      ["a/1/model.onnx", "a/02/model.onnx", "a/0/model.onnx", "a/9223372036854775808/model.onnx"],
      [
        `a | 1=a/1/model.onnx | WARNING folder 0 ${NOT_A_VERSION} | WARNING folder 02 ${NOT_A_VERSION} | WARNING folder 9223372036854775808 ${NOT_A_VERSION}`,
      ],
    ],
    [
      "empty number folder beside an unversioned model",
      ["a/model.onnx", "a/2024/"],
      ["a | 1=a/model.onnx | WARNING version 2024 holds no .onnx file"],
    ],
  ])("%s", async (_, entries, expected) => {
    make(...entries);
    expect(brief(await scanModelFolder(root))).toEqual(expected);
  });
});

describe("problems", () => {
  test.each<[string, readonly string[], readonly string[]]>([
    [
      "manifest without a model",
      ["a/model.yaml"],
      ["a | a/model.yaml | PROBLEM the folder holds neither model.onnx nor <version>/model.onnx"],
    ],
    ["manifest with an empty version", ["a/model.yaml", "a/1/"], ["a | a/model.yaml | PROBLEM version 1 holds no .onnx file"]],
    ["several unversioned models", ["a/x.onnx", "a/y.onnx"], ["a | PROBLEM the folder holds 2 .onnx files, none of them named model.onnx"]],
    ["only a bad version", ["a/01/model.onnx"], [`a | PROBLEM folder 01 ${NOT_A_VERSION}`]],
    [
      "a bad version is not replaced by the model beside it",
      ["a/1/x.onnx", "a/1/y.onnx", "a/model.onnx"],
      ["a | PROBLEM version 1 holds 2 .onnx files, none of them named model.onnx"],
    ],
    [
      "bad names",
      ["my model.onnx", "-x/1/model.onnx", "é.onnx", `${"n".repeat(129)}.onnx`],
      [
        `"${"n".repeat(129)}" | ${NAME_PROBLEM}`,
        `"-x" | ${NAME_PROBLEM}`,
        `"\\u00e9" | ${NAME_PROBLEM}`,
        `"my model" | ${NAME_PROBLEM}`,
      ].toSorted(),
    ],
    ["control characters in a name", ["a\nb\u001b.onnx"], [`"a\\nb\\u001b" | ${NAME_PROBLEM}`]],
    [
      "bad names that differ late",
      [`!${"n".repeat(150)}1.onnx`, `!${"n".repeat(150)}2.onnx`],
      [`"!${"n".repeat(150)}1" | ${NAME_PROBLEM}`, `"!${"n".repeat(150)}2" | ${NAME_PROBLEM}`],
    ],
    [
      "one bad model does not hide the others",
      ["bad/model.yaml", "good.onnx"],
      ["bad | bad/model.yaml | PROBLEM the folder holds neither model.onnx nor <version>/model.onnx", "good | 1=good.onnx"],
    ],
  ])("%s", async (_, entries, expected) => {
    make(...entries);
    expect(brief(await scanModelFolder(root))).toEqual(expected);
  });

  const asRoot = process.getuid?.() === 0;
  (asRoot ? test.skip : test)("a folder that may not be read", async () => {
    make("a/1/model.onnx");
    chmodSync(join(root, "a"), 0);
    const found = brief(await scanModelFolder(root));
    chmodSync(join(root, "a"), 0o755);
    expect(found).toEqual(["a | PROBLEM the folder cannot be read (EACCES)"]);
  });
});

describe("links", () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ["to a file inside", ["store/x.bin", "a/1/model.onnx -> ../../store/x.bin"], ["a | 1=a/1/model.onnx"]],
    ["to a version inside", ["a/1/model.onnx", "a/2 -> 1"], ["a | 2=a/2/model.onnx | 1=a/1/model.onnx"]],
    ["to a model inside", ["a/1/model.onnx", "b -> a"], ["a | 1=a/1/model.onnx", "b | 1=b/1/model.onnx"]],
    ["as Kubernetes lays out a ConfigMap", ["..2024_01/a.onnx", "..data -> ..2024_01", "a.onnx -> ..data/a.onnx"], ["a | 1=a.onnx"]],
    ["bare file outside", ["a.onnx -> ../outside/x.onnx"], ["a | PROBLEM the entry is a link that leaves the model folder"]],
    ["absolute", ["a.onnx -> /etc/hostname"], ["a | PROBLEM the entry is a link that leaves the model folder"]],
    ["model outside", ["a -> ../outside"], ["a | PROBLEM the entry is a link that leaves the model folder"]],
    [
      "folder whose name starts like the model folder's",
      ["a -> ../models-other"],
      ["a | PROBLEM the entry is a link that leaves the model folder"],
    ],
    ["version outside", ["a/1 -> ../../outside"], ["a | PROBLEM version 1 is a link that leaves the model folder"]],
    [
      "version outside beside a good one",
      ["a/1/model.onnx", "a/2 -> ../../outside"],
      ["a | 1=a/1/model.onnx | WARNING version 2 is a link that leaves the model folder"],
    ],
    [
      "model file outside",
      ["a/1/model.onnx -> ../../../outside/x.onnx"],
      ['a | PROBLEM version 1 holds "model.onnx", which is a link that leaves the model folder'],
    ],
    [
      "through another link",
      ["hop/step -> ../../outside", "a -> hop/step"],
      ["a | PROBLEM the entry is a link that leaves the model folder"],
    ],
    [
      "manifest outside",
      ["a/model.onnx", "a/model.yaml -> ../../outside/model.yaml"],
      ["a | PROBLEM model.yaml is a link that leaves the model folder"],
    ],
    [
      "broken",
      ["a.onnx -> gone.onnx", "b -> gone"],
      [
        "a | PROBLEM the entry is a link that cannot be followed (ENOENT)",
        "b | PROBLEM the entry is a link that cannot be followed (ENOENT)",
      ],
    ],
    ["in a circle", ["a.onnx -> a.onnx"], ["a | PROBLEM the entry is a link that cannot be followed (ELOOP)"]],
    [
      "other links are nobody's concern",
      ["README.md -> ../outside/x.onnx", "NOTES.md -> gone", "a/model.onnx", "a/train.py -> /etc/hostname"],
      ["a | 1=a/model.onnx"],
    ],
  ])("%s", async (_, entries, expected) => {
    make("../outside/x.onnx", "../outside/model.yaml", "../outside/model.onnx", "../models-other/model.onnx", ...entries);
    expect(brief(await scanModelFolder(root))).toEqual(expected);
  });

  test("the model folder itself may be a link", async () => {
    make("a/1/model.onnx", "b.onnx -> a/1/model.onnx");
    const link = join(base, "link");
    symlinkSync("models", link);
    expect(brief(await scanModelFolder(link), link)).toEqual(["a | 1=a/1/model.onnx", "b | 1=b.onnx"]);
  });
});

describe("the folder itself", () => {
  test("missing", async () => {
    const missing = join(root, "none");
    await expect(scanModelFolder(missing)).rejects.toMatchObject({
      name: "ModelFolderError",
      message: `The model folder ${missing} does not exist`,
    });
  });

  test("a file", async () => {
    make("a.onnx");
    const file = join(root, "a.onnx");
    await expect(scanModelFolder(file)).rejects.toMatchObject({
      name: "ModelFolderError",
      message: `The model folder ${file} is not a folder`,
    });
  });

  test("a relative path gives absolute model paths", async () => {
    const [model] = await scanModelFolder("models/simple/..");
    expect(model!.versions[0]!.modelPath).toBe(join(process.cwd(), "models/digits/2/model.onnx"));
  });
});

test("no problem or warning holds a path", async () => {
  make("a/model.yaml", "b/1 -> /etc", "c.onnx -> /etc/hostname", "d/1/x.onnx", "d/1/y.onnx", "e/1/model.onnx", "e.onnx");
  for (const model of await scanModelFolder(root)) {
    const text = [model.problem ?? "", ...model.warnings].join(" ");
    expect(text).not.toContain(base);
    expect(text).not.toContain("/etc");
  }
});

test("the folder of one model is not taken for a folder of models", async () => {
  make("1/model.onnx", "config.pbtxt");
  await expect(scanModelFolder(root)).rejects.toThrow("holds a config.pbtxt: it is the folder of one model. Serve the folder above it.");
});
