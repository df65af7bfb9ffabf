// The flags of `serve`, one for each setting of the settings table.

import type { Command } from "commander";
import { Option } from "commander";
import type { Setting } from "../../config/setting.ts";
import { flagName } from "../../config/setting.ts";
import { SETTING_KEYS, settingOf } from "../../config/settings.ts";

/** Adds every setting as a flag, in the order and under the headings of the README. Values are checked with the configuration. */
export function addSettingFlags(command: Command): void {
  for (const key of SETTING_KEYS) {
    const setting = settingOf(key);
    const flag = new Option(`${flagName(key)} <${placeholder(setting)}>`, `${setting.meaning} ${allowed(setting)}`);
    command.addOption(flag.helpGroup(`${setting.section}:`));
  }
}

const PLACEHOLDER = { boolean: "true|false", choices: "list", ints: "list", names: "list", path: "path", string: "text" } as const;

function placeholder(setting: Setting): string {
  if (setting.kind === "int" || setting.kind === "number") return setting.unit ?? "n";
  return setting.kind === "choice" ? setting.choices.join("|") : PLACEHOLDER[setting.kind];
}

function allowed(setting: Setting): string {
  const fallback = typeof setting.default === "function" ? (setting.defaultText ?? "by machine") : String(setting.default) || "none";
  switch (setting.kind) {
    case "int":
    case "number":
      return `(${setting.min} to ${setting.max}, default ${fallback})`;
    case "ints":
      return `(each ${setting.min} to ${setting.max}; default ${fallback})`;
    case "choices":
      return `(of ${setting.choices.join(", ")}; default ${fallback})`;
    default:
      return `(default ${fallback})`;
  }
}
