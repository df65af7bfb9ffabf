// Made-up requests before a model is ready, as a Triton configuration has them.

import type { ModelWarmup, ModelWarmup_Input } from "../../../generated/inference/model_config.ts";
import type { FieldPath } from "../../config/fields.ts";
import { quote } from "../../config/show.ts";
import { DTYPE_BY_NUMBER, ELEMENT_BYTES } from "../../tensor/dtype.ts";
import type { WarmupPlan, WarmupSource } from "../model-settings.ts";
import type { Findings } from "./findings.ts";
import { INSIDE_PATH_RULE, isInsidePath } from "./inside-path.ts";
import { readLengths } from "./read-shape.ts";

/** Most runs of one made-up request: nothing ends them but their number. */
const MAX_COUNT = 1000;

/** Most bytes of one input of one made-up request. */
const MAX_INPUT_BYTES = 1_073_741_824n;

/** Bytes that an element of STRING counts: about what a text takes in a worker's heap, which is small. */
const STRING_BYTES = 256;

/** @param maxBatchSize 0 when the model has no rows, undefined when that is not known. */
export function mapWarmup(samples: readonly ModelWarmup[], maxBatchSize: number | undefined, findings: Findings): readonly WarmupPlan[] {
  return samples.flatMap((sample, index) => {
    const path = ["model_warmup", index];
    const name = sample.name === "" ? `model_warmup[${index}]` : sample.name;
    if (sample.batchSize === 0) {
      findings.mapped(path, `is ${quote(name)}, which is passed over: its batch_size is 0`);
      return [];
    }
    if (maxBatchSize !== undefined && sample.batchSize > Math.max(maxBatchSize, 1)) {
      findings.refuse([...path, "batch_size"], `must be at most ${Math.max(maxBatchSize, 1)}, got ${sample.batchSize}`);
      return [];
    }
    const inputs = mapInputs(sample, path, findings);
    if (inputs === undefined) return [];
    const count = Math.min(Math.max(sample.count, 1), MAX_COUNT);
    if (sample.count > count) findings.warn([...path, "count"], `is ${sample.count}: a request runs at most ${count} times`);
    const rows = sample.batchSize === 1 ? "1 row" : `${sample.batchSize} rows`;
    findings.mapped(path, `runs ${quote(name)} with ${rows}, ${count === 1 ? "once" : `${count} times`}`);
    return { name, rows: sample.batchSize, count, inputs };
  });
}

/** Undefined after refusing one of them. */
function mapInputs(sample: ModelWarmup, path: FieldPath, findings: Findings): WarmupPlan["inputs"] | undefined {
  const inputs = Object.entries(sample.inputs).map(([name, input]) =>
    mapInput(name, input, sample.batchSize, [...path, "inputs", name], findings),
  );
  return inputs.includes(undefined) ? undefined : inputs.flatMap((input) => input ?? []);
}

function mapInput(
  name: string,
  input: ModelWarmup_Input,
  rows: number,
  path: FieldPath,
  findings: Findings,
): WarmupPlan["inputs"][number] | undefined {
  const dtype = DTYPE_BY_NUMBER[input.dataType];
  if (dtype === undefined) findings.refuse([...path, "data_type"], `must be a type such as TYPE_FP32, got ${input.dataType}`);
  const dims = readLengths(input.dims, [...path, "dims"], findings);
  const source = mapSource(input.inputDataType, path, findings);
  if (dtype === undefined || dims === undefined || source === undefined) return undefined;
  if (dims.includes(-1)) {
    findings.refuse([...path, "dims"], "must all be fixed");
    return undefined;
  }
  const bytes = dims.reduce((product, length) => product * BigInt(length), BigInt(rows * (ELEMENT_BYTES[dtype] || STRING_BYTES)));
  if (bytes > MAX_INPUT_BYTES) {
    findings.refuse([...path, "dims"], `must make at most ${MAX_INPUT_BYTES} bytes, got ${bytes}`);
    return undefined;
  }
  const from = source.kind === "file" ? `the file ${quote(source.fileName)}` : source.kind === "zeros" ? "zeros" : "random values";
  findings.mapped(path, `is ${dtype} [${dims.join(", ")}] of ${from}`);
  return { name, dtype, dims, source };
}

/** A source that is chosen acts even where it is set to false, as in Triton. */
function mapSource(given: ModelWarmup_Input["inputDataType"], path: FieldPath, findings: Findings): WarmupSource | undefined {
  if (given === undefined) {
    findings.refuse(path, "must have one of zero_data, random_data and input_data_file");
    return undefined;
  }
  if (given.$case !== "inputDataFile") return { kind: given.$case === "zeroData" ? "zeros" : "random" };
  if (isInsidePath(given.value)) return { kind: "file", fileName: given.value };
  findings.refuse([...path, "input_data_file"], `must be ${INSIDE_PATH_RULE} named warmup, got ${quote(given.value)}`);
  return undefined;
}
