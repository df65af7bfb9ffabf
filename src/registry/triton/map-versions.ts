// Which versions a Triton configuration wants to be served.

import type { ModelVersionPolicy } from "../../../generated/inference/model_config.ts";
import type { VersionPolicy } from "../version-policy.ts";
import type { Findings } from "./findings.ts";

/** Without a policy the newest version alone is served, as Triton does; a policy that names no choice means all. */
export function mapVersions(policy: ModelVersionPolicy | undefined, findings: Findings): VersionPolicy {
  const choice = policy?.policyChoice;
  if (policy === undefined) {
    findings.mapped(["version_policy"], "is not given: the newest version is served");
    return { kind: "latest", count: 1 };
  }
  if (choice === undefined || choice.$case === "all") {
    findings.mapped(["version_policy", ...(choice === undefined ? [] : ["all"])], "serves every version");
    return { kind: "all" };
  }
  if (choice.$case === "latest") {
    const count = Math.max(choice.value.numVersions, 1);
    findings.mapped(["version_policy", "latest"], count === 1 ? "serves the newest version" : `serves the newest ${count} versions`);
    return { kind: "latest", count };
  }
  const { versions } = choice.value;
  const path = ["version_policy", "specific", "versions"];
  const bad = versions.find((version) => version < 1n);
  if (versions.length === 0) findings.refuse(path, "must name a version");
  else if (bad !== undefined) findings.refuse(path, `must be numbers from 1 on, got ${bad}`);
  else findings.mapped(path, `serves ${versions.length === 1 ? `version ${versions[0]}` : `${versions.length} versions by number`}`);
  return { kind: "specific", versions: [...new Set(versions.map(String))] };
}
