// What must be true of every row of the settings table, and of what is made from it.

import { describe, expect, test } from "@jest/globals";
import { envName, flagName } from "../../src/config/setting.ts";
import { SETTING_KEYS, settingField, settingOf } from "../../src/config/settings.ts";
import { renderSettingsTable } from "../../src/config/settings-table.ts";

describe.each(SETTING_KEYS.map((key) => [key] as const))("%s", (key) => {
  const setting = settingOf(key);

  test.each([1, 2, 64, 1024])("its default is allowed with %d cores", (cores) => {
    const problems: string[] = [];
    const value = typeof setting.default === "function" ? setting.default({ cores, memoryBytes: 2 ** 33 }) : setting.default;
    expect(settingField(key).read(value, [], (_, text) => problems.push(text))).toEqual(value);
    expect(problems).toEqual([]);
  });

  test("its names are as the documentation says", () => {
    expect(envName(key)).toMatch(/^PREDICTD_[A-Z]+(_[A-Z]+)*$/);
    expect(flagName(key)).toMatch(/^--[a-z]+(-[a-z]+)*$/);
  });

  test("its name carries its unit", () => {
    const unit = "unit" in setting ? setting.unit : undefined;
    expect({ ms: key.endsWith("Ms"), bytes: key.endsWith("Bytes") }).toEqual({ ms: unit === "ms", bytes: unit === "bytes" });
  });

  test("its meaning is a sentence", () => {
    expect(setting.meaning).toMatch(/^[A-Z`].*\.$/s);
    expect(typeof setting.default === "function").toBe(setting.defaultText !== undefined);
  });
});

test("names are made from the key", () => {
  expect(envName("intraOpThreads")).toBe("PREDICTD_INTRA_OP_THREADS");
  expect(flagName("intraOpThreads")).toBe("--intra-op-threads");
});

test("the README's tables have one row for each setting", () => {
  const rows = renderSettingsTable()
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  expect(rows.map((row) => row.split("`")[1])).toEqual(SETTING_KEYS);
  for (const row of rows) expect(row.split("|")).toHaveLength(8);
});

test.each([
  [
    "maxMessageBytes",
    "| `maxMessageBytes` | 67108864 (64 MiB) | 1024 (1 KiB) to 1073741824 (1 GiB) | `--max-message-bytes` | `PREDICTD_MAX_MESSAGE_BYTES` | ",
  ],
  ["maxWorkers", "| `maxWorkers` | the cores | 1 to 256 | "],
  ["deviceIds", "| `deviceIds` | `0` | 1 to 64 integers, each 0 to 255 | "],
  ["maxCudaBatches", "| `maxCudaBatches` | 2 | 1 to 64 | "],
  ["maxCpuThreads", "| `maxCpuThreads` | the cores | 1 to 256 | "],
  ["executionProviders", "| `executionProviders` | `cuda`, `cpu` | `cuda`, `cpu`, `webgpu` | "],
  ["logFormat", "| `logFormat` | `auto` | `auto`, `json`, `pretty` | "],
  ["reflection", "| `reflection` | `true` | `true`, `false` | "],
  ["drainTimeoutMs", "| `drainTimeoutMs` | 30000 (30 s) | 0 to 3600000 (1 h) | "],
  ["logSampleRatio", "| `logSampleRatio` | 0.001 | 0 to 1 | "],
])("row of %s", (_, start) => {
  expect(renderSettingsTable()).toContain(`\n${start}`);
});
