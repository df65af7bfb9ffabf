// The README's tables of settings, made from the settings themselves.

import type { Config } from "./config.ts";
import { envName, flagName, type Setting } from "./setting.ts";
import { SETTING_KEYS, settingOf } from "./settings.ts";

const HEAD = "| setting | default | range | flag | environment | meaning |\n|---|---|---|---|---|---|";

/** Markdown with a heading of level 3 and a table for each section; ends without a line break. */
export function renderSettingsTable(): string {
  const sections = [...new Set(SETTING_KEYS.map((key) => settingOf(key).section))];
  return sections
    .map((section) => {
      const rows = SETTING_KEYS.filter((key) => settingOf(key).section === section).map(renderRow);
      return `### ${section}\n\n${HEAD}\n${rows.join("\n")}`;
    })
    .join("\n\n");
}

function renderRow(key: keyof Config): string {
  const setting = settingOf(key);
  const cells = [
    `\`${key}\``,
    renderDefault(setting),
    renderRange(setting),
    `\`${flagName(key)}\``,
    `\`${envName(key)}\``,
    setting.meaning,
  ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function renderDefault(setting: Setting): string {
  if (typeof setting.default === "function") return setting.defaultText ?? "by machine";
  if (typeof setting.default === "number") return renderNumber(setting.default, setting);
  if (setting.default === "") return "none";
  if (Array.isArray(setting.default)) return setting.default.map((item) => `\`${item}\``).join(", ") || "none";
  return `\`${String(setting.default)}\``;
}

function renderRange(setting: Setting): string {
  switch (setting.kind) {
    case "int":
    case "number":
      return `${renderNumber(setting.min, setting)} to ${renderNumber(setting.max, setting)}`;
    case "boolean":
      return "`true`, `false`";
    case "choice":
    case "choices":
      return setting.choices.map((choice) => `\`${choice}\``).join(", ");
    case "ints":
      return `1 to ${setting.maxCount} integers, each ${setting.min} to ${setting.max}`;
    case "names":
      return `at most ${setting.max} names`;
    default:
      return `${setting.optional === true ? "at most" : "1 to"} ${setting.maxLength} characters`;
  }
}

const LARGER: Readonly<Record<"ms" | "bytes", readonly (readonly [number, string])[]>> = {
  ms: [
    [3_600_000, "h"],
    [60_000, "min"],
    [1000, "s"],
  ],
  bytes: [
    [1_073_741_824, "GiB"],
    [1_048_576, "MiB"],
    [1024, "KiB"],
  ],
};

/** The number as it is written in the configuration, with a larger unit in brackets where that reads better. */
function renderNumber(value: number, setting: Setting): string {
  const unit = "unit" in setting ? setting.unit : undefined;
  const larger = unit === undefined || value === 0 ? undefined : LARGER[unit].find(([size]) => value % size === 0);
  return larger === undefined ? String(value) : `${value} (${value / larger[0]} ${larger[1]})`;
}
