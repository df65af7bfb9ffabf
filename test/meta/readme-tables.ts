// The README's tables that are made from the code. Run this file to write them: `npm run generate:readme`.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderSettingsTable } from "../../src/config/settings-table.ts";
import type { CatalogueEntry } from "../../src/errors.ts";
import { ERRORS } from "../../src/errors.ts";
import { paddingKeys } from "../../src/registry/padding-field.ts";
import { read, ROOT } from "./source-files.ts";

/** The error table. */
function renderErrorTable(): string {
  const rows = Object.entries<CatalogueEntry>(ERRORS).map(([reason, { code, tritonCode, retryable, meaning }]) => {
    const codes = tritonCode === undefined ? code : `${code}; ${tritonCode} with \`compat: triton\``;
    return `| ${reason} | ${codes} | ${retryable ? "yes" : "no"} | ${meaning} |`;
  });
  return ["| reason | gRPC code | retry helps | meaning |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

/** The table of what `padding` may say. */
function renderPaddingTable(): string {
  const rows = paddingKeys().map((row) => `| \`${row.key}\` | ${row.default} | ${row.range} | ${row.meaning} |`);
  return ["| key | default | range | meaning |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

/** Text of every generated section by its name. */
export const SECTIONS: Readonly<Record<string, () => string>> = {
  settings: renderSettingsTable,
  padding: renderPaddingTable,
  errors: renderErrorTable,
};

/** The README with every generated section made anew. */
export function renderReadme(readme: string): string {
  let text = readme;
  for (const [name, render] of Object.entries(SECTIONS)) {
    const [begin, end] = [`<!-- ${name}: generated -->`, `<!-- ${name}: end -->`];
    const from = text.indexOf(begin);
    const to = text.indexOf(end);
    if (from === -1 || to < from) throw new Error(`README.md has no section ${name}.`);
    text = `${text.slice(0, from + begin.length)}\n${render()}\n${text.slice(to)}`;
  }
  return text;
}

if (process.argv[1] === import.meta.filename) writeFileSync(join(ROOT, "README.md"), renderReadme(read("README.md")));
