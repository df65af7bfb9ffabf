// Inputs and outputs as a Triton configuration declares them.

import type { ModelConfig, ModelInput, ModelOutput } from "../../../generated/inference/model_config.ts";
import { ModelInput_Format } from "../../../generated/inference/model_config.ts";
import type { FieldPath } from "../../config/fields.ts";
import { quote } from "../../config/show.ts";
import type { DeclaredSpec } from "../../engine/backend.ts";
import { DTYPE_BY_NUMBER } from "../../tensor/dtype.ts";
import type { ModelSettings } from "../model-settings.ts";
import type { Findings } from "./findings.ts";
import { INSIDE_PATH_RULE, isInsidePath } from "./inside-path.ts";
import { checkReshape, readLengths } from "./read-shape.ts";

/** @param maxBatchSize 0 when the model has no rows. */
export function mapTensors(
  config: ModelConfig,
  maxBatchSize: number | undefined,
  findings: Findings,
): Pick<ModelSettings, "declaredInputs" | "declaredOutputs" | "labelFiles"> {
  const hasRows = maxBatchSize !== 0;
  const declaredInputs = mapAll("input", config.input, hasRows, findings);
  config.input.forEach((input, index) => checkInput(input, ["input", index], findings));
  const declaredOutputs = mapAll("output", config.output, hasRows, findings);
  const labelFiles = new Map<string, string>();
  config.output.forEach(({ name, labelFilename }, index) => {
    if (labelFilename === "") return;
    const path = ["output", index, "label_filename"];
    if (!isInsidePath(labelFilename)) return findings.refuse(path, `must be ${INSIDE_PATH_RULE}, got ${quote(labelFilename)}`);
    findings.mapped(path, `names the classes of ${quote(name)} by the lines of ${quote(labelFilename)}`);
    labelFiles.set(name, labelFilename);
  });
  for (const field of ["batch_input", "batch_output"] as const) {
    const given = field === "batch_input" ? config.batchInput : config.batchOutput;
    if (given.length > 0) findings.refuse([field], "cannot be honoured: tensors about a batch are not made up");
  }
  return { declaredInputs, declaredOutputs, labelFiles };
}

/** Undefined when nothing is declared. */
function mapAll(
  kind: "input" | "output",
  given: readonly (ModelInput | ModelOutput)[],
  hasRows: boolean,
  findings: Findings,
): readonly DeclaredSpec[] | undefined {
  if (given.length === 0) return undefined;
  const names = new Set<string>();
  return given.flatMap((tensor, index) => {
    const path = [kind, index];
    if (names.has(tensor.name)) findings.refuse([...path, "name"], `repeats ${quote(tensor.name)}`);
    names.add(tensor.name);
    if (tensor.isShapeTensor) findings.refuse([...path, "is_shape_tensor"], "must be false: ONNX models have no shape tensors");
    if (tensor.isNonLinearFormatIo) findings.refuse([...path, "is_non_linear_format_io"], "must be false: elements lie in plain order");
    return mapTensor(tensor, path, hasRows, findings) ?? [];
  });
}

function mapTensor(tensor: ModelInput | ModelOutput, path: FieldPath, hasRows: boolean, findings: Findings): DeclaredSpec | undefined {
  const { name, dataType, reshape } = tensor;
  const dtype = DTYPE_BY_NUMBER[dataType];
  if (name === "") findings.refuse([...path, "name"], "must be given");
  if (dtype === undefined) findings.refuse([...path, "data_type"], `must be a type such as TYPE_FP32, got ${dataType}`);
  const dims = readLengths(tensor.dims, [...path, "dims"], findings);
  const inFile = reshape === undefined ? undefined : readLengths(reshape.shape, [...path, "reshape", "shape"], findings);
  const isBad = name === "" || dtype === undefined || dims === undefined || (reshape !== undefined && inFile === undefined);
  if (isBad || (inFile !== undefined && !checkReshape(dims, inFile, hasRows, [...path, "reshape"], findings))) return undefined;
  const rows = hasRows ? " in a row" : "";
  findings.mapped(path, `declares ${quote(name)} as ${dtype} [${dims.join(", ")}]${rows}`);
  if (inFile !== undefined) findings.mapped([...path, "reshape"], `declares that the file has [${inFile.join(", ")}] instead`);
  return { name, dtype, dims, reshape: inFile };
}

function checkInput(input: ModelInput, path: FieldPath, findings: Findings): void {
  const { format, dims } = input;
  const formatPath = [...path, "format"];
  if (format !== ModelInput_Format.FORMAT_NONE) {
    if (format !== ModelInput_Format.FORMAT_NHWC && format !== ModelInput_Format.FORMAT_NCHW) {
      findings.refuse(formatPath, `must be FORMAT_NONE, FORMAT_NHWC or FORMAT_NCHW, got ${format}`);
    } else if (dims.length === 3) findings.warn(formatPath, "is left out: elements are taken in the order of dims");
    else findings.refuse(formatPath, `needs 3 dims, got ${dims.length}`);
  }
  if (input.allowRaggedBatch) findings.refuse([...path, "allow_ragged_batch"], "must be false: rows of one run have the same shape");
  if (input.optional)
    findings.warn([...path, "optional"], "is left out: only a mask that padding in model.yaml names may be missing from a request");
}
