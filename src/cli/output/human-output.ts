// Outputs for people: a table for each, then one line about the run.

import type { PredictResult, Tensor, TensorSpec } from "../../client/client.ts";
import type { Terminal } from "../terminal.ts";
import { dim } from "../terminal.ts";
import { elementReader } from "./elements.ts";
import { formatUs, formatValue } from "./format.ts";
import { renderTable } from "./table.ts";

const MAX_ROWS = 20;
const MAX_VALUES = 16;
const TOP_CLASSES = 3;

/** A result as text that ends with a line break. `specs` are the outputs of the signature, for names of classes and columns. */
export function renderResult(result: PredictResult, specs: readonly TensorSpec[], { stdout, env }: Terminal): string {
  const blocks = result.outputs.map((output) => {
    const { head, rows, total } = tabulate(
      output,
      specs.find(({ name }) => name === output.name),
    );
    const more = total > rows.length ? `\n… ${total - rows.length} more rows; --json-output shows all` : "";
    return `${renderTable(head, rows, stdout, env)}${more}`;
  });
  const { model, version, batchRows, timings } = result;
  const batch = `batch of ${batchRows} ${batchRows === 1 ? "row" : "rows"}`;
  const times = `queue ${formatUs(timings.queueUs)} · run ${formatUs(timings.runUs)} · total ${formatUs(timings.totalUs)}`;
  return `${[...blocks, dim(`${model} version ${version} · ${batch} · ${times}`, stdout, env)].join("\n\n")}\n`;
}

/** An output as head and rows; at most 20 rows of `total`. */
export function tabulate(output: Tensor, spec: TensorSpec | undefined): { head: string[]; rows: string[][]; total: number } {
  const elements = elementReader(output);
  const labels = spec?.labels ?? [];
  const total = output.shape[0] ?? 1;
  const width = total === 0 ? 0 : elements.length / total;
  const rowIndexes = Array.from({ length: Math.min(total, MAX_ROWS) }, (_, row) => row);
  const valuesOf = (row: number) => Array.from({ length: width }, (_, i) => elements.at(row * width + i));

  if (labels.length > 1 && labels.length === width && output.dtype.startsWith("FP")) {
    const ranks = Math.min(TOP_CLASSES, labels.length);
    const rows = rowIndexes.map((row) => {
      const ranked = valuesOf(row)
        .map((value, i) => ({ value: Number(value), label: labels[i]! }))
        .toSorted((a, b) => b.value - a.value);
      return [String(row + 1), ...ranked.slice(0, ranks).map(({ value, label }) => `${label} ${formatValue(value)}`)];
    });
    return { head: ["row", output.name, ...Array.from({ length: ranks - 1 }, () => "")], rows, total };
  }
  const columns = spec?.columns ?? [];
  if (columns.length === width && width > 1 && width <= MAX_VALUES) {
    return { head: ["row", ...columns], rows: rowIndexes.map((row) => [String(row + 1), ...valuesOf(row).map(formatValue)]), total };
  }
  const rows = rowIndexes.map((row) => {
    const shown = Array.from({ length: Math.min(width, MAX_VALUES) }, (_, i) => nameOf(elements.at(row * width + i), labels));
    return [String(row + 1), `${shown.join(", ")}${width > MAX_VALUES ? `, … (${width} values)` : ""}`];
  });
  return { head: ["row", output.name], rows, total };
}

function nameOf(value: unknown, labels: readonly string[]): string {
  const label = typeof value === "bigint" || Number.isInteger(value) ? labels[Number(value)] : undefined;
  return formatValue(label ?? value);
}
