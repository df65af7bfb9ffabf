// Outputs as CSV: the row's number, then a column for each value.

import type { PredictResult, Tensor, TensorSpec } from "../../client/client.ts";
import { elementReader } from "./elements.ts";

/** Names of the columns that `csvRows` fills, for results like this one. */
export function csvHead(result: PredictResult, specs: readonly TensorSpec[]): readonly string[] {
  const columns = result.outputs.flatMap((output) => {
    const width = widthOf(output);
    if (width === 1) return [output.name];
    const spec = specs.find(({ name }) => name === output.name);
    const names = [spec?.labels, spec?.columns].find((candidate) => candidate?.length === width);
    return Array.from({ length: width }, (_, i) => `${output.name}.${names?.[i] ?? i}`);
  });
  return ["row", ...columns];
}

/** One array of cells for each row. @param firstRow number of the first row, counted from 1. */
export function csvRows(result: PredictResult, firstRow: number): readonly (readonly string[])[] {
  const outputs = result.outputs.map((output) => ({ elements: elementReader(output), width: widthOf(output) }));
  const count = result.outputs[0]?.shape[0] ?? 1;
  return Array.from({ length: count }, (_, row) => [
    String(firstRow + row),
    ...outputs.flatMap(({ elements, width }) => Array.from({ length: width }, (_unused, i) => String(elements.at(row * width + i)))),
  ]);
}

/** One line of CSV by RFC 4180, with its line break. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\n`;
}

function widthOf(output: Tensor): number {
  return output.shape.slice(1).reduce((product, length) => product * length, 1);
}
