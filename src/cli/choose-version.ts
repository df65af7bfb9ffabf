// Which version of a model a prediction goes to.

import type { Model, ModelVersion } from "../client/client.ts";
import { PredictdError } from "../client/client.ts";

/**
 * The version named, or the one that answers by default.
 * @throws PredictdError UNAVAILABLE when it is not ready, with the server's reason.
 */
export function chooseVersion(model: Model, wanted: string | undefined): ModelVersion {
  const version = model.versions.find((candidate) => candidate.version === (wanted ?? model.defaultVersion)) ?? model.versions[0];
  if (version?.state === "ready") return version;
  const state = version === undefined ? "no version" : `version ${version.version} ${version.state}`;
  const reason = version === undefined || version.reason === "" ? "" : `: ${version.reason}`;
  throw new PredictdError("UNAVAILABLE", "MODEL_NOT_READY", `Model "${model.name}" cannot answer (${state}${reason}).`);
}
