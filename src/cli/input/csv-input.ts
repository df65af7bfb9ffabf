// Rows of a table as tensors of a model's inputs.

import type { Element, Tensor, TensorSpec } from "../../client/client.ts";
import { tensor } from "../../client/client.ts";
import { nearestName } from "../../config/nearest-name.ts";
import { UsageError } from "../usage-error.ts";
import { columnShape } from "./spec-tensor.ts";
import { elementFromText } from "./values.ts";

/** How a header row maps onto inputs. */
export interface CsvMapping {
  /** Columns of the table that no input takes. */
  readonly ignored: readonly string[];
  /** Tensors of some rows. @param firstRow number of the first one for messages, counted from 1 after the header. */
  toTensors(rows: readonly (readonly string[])[], firstRow: number): readonly Tensor[];
}

/**
 * Maps a header onto the columns of a model's only input where it names them, else onto the inputs themselves.
 * An input that may be left out is, where
 * the header does not name it.
 * @throws UsageError when a column is missing or stands twice, or the model does not take tables.
 */
export function mapCsv(header: readonly string[], signature: readonly TensorSpec[]): CsvMapping {
  const inputs = signature.filter(({ name, optional }) => optional !== true || header.includes(name));
  const only = inputs.length === 1 ? inputs[0]! : undefined;
  const table = only !== undefined && only.columns.length > 0 ? only : undefined;
  const unfit = table === undefined ? inputs.find((spec) => columnShape(spec, 1) === undefined) : undefined;
  if (unfit !== undefined) {
    throw new UsageError(
      `--csv: input "${unfit.name}" takes more than one value a row, and the model names no columns for it; use --json.`,
    );
  }
  const wanted = table?.columns ?? inputs.map(({ name }) => name);
  const indexes = wanted.map((name) => columnIndex(name, header));
  return {
    ignored: header.filter((name) => !wanted.includes(name)),
    toTensors(rows, firstRow) {
      const cell = (row: number, column: number, spec: TensorSpec): Element => {
        const where = `--csv row ${firstRow + row}, column "${header[column]}"`;
        return elementFromText(rows[row]![column]!, spec.dtype, where);
      };
      if (table !== undefined) {
        const elements = rows.flatMap((_, row) => indexes.map((column) => cell(row, column, table)));
        return [tensor(table.name, elements, table.dims.length === 1 ? [indexes.length] : [rows.length, indexes.length], table.dtype)];
      }
      return inputs.map((spec, i) =>
        tensor(
          spec.name,
          rows.map((_, row) => cell(row, indexes[i]!, spec)),
          columnShape(spec, rows.length) ?? [rows.length],
          spec.dtype,
        ),
      );
    },
  };
}

function columnIndex(name: string, header: readonly string[]): number {
  const index = header.indexOf(name);
  if (index < 0) {
    const near = nearestName(name, header);
    throw new UsageError(
      `--csv: column "${name}" is missing${near === undefined ? `; the header has ${header.join(", ")}` : `; is it "${near}"?`}`,
    );
  }
  if (header.includes(name, index + 1)) throw new UsageError(`--csv: column "${name}" stands twice in the header.`);
  return index;
}
