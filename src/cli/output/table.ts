// Tables for people.

import Table from "cli-table3";
import type { Output } from "../terminal.ts";
import { showsStyles } from "../terminal.ts";

/** Rows under a head, columns aligned; without the lines of a box, so that it reads well in a pipe too. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[], output: Output, env: NodeJS.ProcessEnv): string {
  const none = Object.fromEntries(
    ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"]
      .concat(["left", "left-mid", "mid", "mid-mid", "right", "right-mid"])
      .map((part) => [part, ""]),
  );
  const table = new Table({
    head: [...head],
    chars: { ...none, middle: "  " },
    style: { "padding-left": 0, "padding-right": 0, head: showsStyles(output, env) ? ["bold"] : [], border: [] },
  });
  for (const row of rows) table.push([...row]);
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}
