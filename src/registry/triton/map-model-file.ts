// Which file of a version's folder is the model.

import type { ModelConfig } from "../../../generated/inference/model_config.ts";
import { quote } from "../../config/show.ts";
import type { Findings } from "./findings.ts";
import { FILE_NAME_RULE, isFileName } from "./inside-path.ts";

/** Undefined: none is named, or it may not be used. */
export function mapModelFile({ defaultModelFilename, ccModelFilenames }: ModelConfig, findings: Findings): string | undefined {
  if (Object.keys(ccModelFilenames).length > 0) {
    findings.warn(["cc_model_filenames"], "is left out: the model file does not depend on the kind of GPU");
  }
  if (defaultModelFilename === "") return undefined;
  if (!isFileName(defaultModelFilename)) {
    findings.refuse(["default_model_filename"], `must be ${FILE_NAME_RULE}, got ${quote(defaultModelFilename)}`);
    return undefined;
  }
  findings.mapped(["default_model_filename"], `is the file ${quote(defaultModelFilename)} of each version`);
  return defaultModelFilename;
}
