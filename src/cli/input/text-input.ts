// `--text`: texts for a model with one STRING input.

import type { Tensor, TensorSpec } from "../../client/client.ts";
import { tensor } from "../../client/client.ts";
import { formatDims } from "../output/format.ts";
import { UsageError } from "../usage-error.ts";
import { columnShape } from "./spec-tensor.ts";

/**
 * One row for each text.
 * @throws UsageError when the model takes something else.
 */
export function tensorsFromTexts(texts: readonly string[], inputs: readonly TensorSpec[]): readonly Tensor[] {
  const [spec, ...others] = inputs;
  if (spec === undefined || others.length > 0 || spec.dtype !== "STRING") {
    const taken = inputs.map(({ name, dtype }) => `"${name}" of ${dtype}`).join(", ");
    throw new UsageError(`--text needs a model whose only input is of STRING; this one takes ${taken}.`);
  }
  const shape = columnShape(spec, texts.length);
  if (shape === undefined) throw new UsageError(`--text: input "${spec.name}" takes ${formatDims(spec)}, not ${texts.length} texts.`);
  return [tensor(spec.name, texts, shape)];
}
