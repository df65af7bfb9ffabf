// Where and how often a model runs, as a Triton configuration has it.

import type { ModelInstanceGroup } from "../../../generated/inference/model_config.ts";
import { ModelInstanceGroup_Kind as Kind } from "../../../generated/inference/model_config.ts";
import type { Provider } from "../../config/config.ts";
import type { FieldPath } from "../../config/fields.ts";
import { SETTINGS } from "../../config/settings.ts";
import { quote } from "../../config/show.ts";
import type { ModelSettings } from "../model-settings.ts";
import type { Findings } from "./findings.ts";

/** By number. */
const KIND_NAMES = ["KIND_AUTO", "KIND_GPU", "KIND_CPU", "KIND_MODEL"];

/** All instances of a model are alike: one list of providers holds for all groups, and one list of devices for those that name some. */
export function mapInstanceGroups(
  groups: readonly ModelInstanceGroup[],
  findings: Findings,
): Pick<ModelSettings, "instances" | "executionProviders" | "deviceIds" | "wantsGpu"> {
  groups.forEach((group, index) => checkGroup(group, ["instance_group", index], findings));
  checkCounts(groups, findings);
  const wantsGpu = groups.some(({ kind }) => kind === Kind.KIND_GPU);
  const onDevices = mapDevices(groups, findings);
  const instances = onDevices === undefined ? mapCount(groups, findings) : onDevices.instances;
  return { instances, executionProviders: mapKinds(groups, findings), deviceIds: onDevices?.deviceIds, wantsGpu };
}

function checkGroup(group: ModelInstanceGroup, path: FieldPath, findings: Findings): void {
  if (group.name !== "") findings.mapped([...path, "name"], `is ${quote(group.name)}, a name only`);
  const { min, max } = SETTINGS.deviceIds;
  const unknown = group.gpus.find((id) => id < min || id > max);
  if (group.gpus.length > 0 && !mayNameDevices(group)) findings.refuse([...path, "gpus"], "must be empty for this kind");
  else if (unknown !== undefined) findings.refuse([...path, "gpus"], `must be from ${min} to ${max}, got ${unknown}`);
  if (group.secondaryDevices.length > 0) findings.warn([...path, "secondary_devices"], "is left out: there is no such provider");
  if (group.hostPolicy !== "") findings.warn([...path, "host_policy"], "is left out: the operating system places threads and memory");
  if (group.rateLimiter !== undefined)
    findings.warn([...path, "rate_limiter"], "is left out: instances run as soon as they and their device are free");
  if (group.profile.length > 0) findings.warn([...path, "profile"], "is left out: ONNX models have no profiles");
  if (group.passive) findings.refuse([...path, "passive"], "must be false: every instance takes requests");
}

function checkCounts(groups: readonly ModelInstanceGroup[], findings: Findings): void {
  const negative = groups.findIndex(({ count }) => count < 0);
  if (negative !== -1) findings.refuse(["instance_group", negative, "count"], `must be 0 or more, got ${groups[negative]!.count}`);
}

function mayNameDevices({ kind }: ModelInstanceGroup): boolean {
  return kind === Kind.KIND_GPU || kind === Kind.KIND_AUTO;
}

/** A group has `count` instances on each of its `gpus`. Undefined when no group names any. */
function mapDevices(
  groups: readonly ModelInstanceGroup[],
  findings: Findings,
): Required<Pick<ModelSettings, "instances" | "deviceIds">> | undefined {
  const naming = groups.filter((group) => group.gpus.length > 0 && mayNameDevices(group));
  const [first] = naming;
  if (first === undefined) return undefined;
  const path = ["instance_group"];
  const counts = new Map<number, number>();
  for (const { gpus, count } of naming) for (const id of gpus) counts.set(id, (counts.get(id) ?? 0) + Math.max(count, 1));
  if (naming.length < groups.length) findings.warn(path, "names gpus for some groups: those without are left out");
  const shown = [...counts].map(([id, count]) => `${count} on cuda:${id}`).join(", ");
  findings.mapped([...path, groups.indexOf(first), "gpus"], `names devices: in all ${shown}, where the model runs on CUDA`);
  const each = naming.some(({ count }) => count > 0) ? Math.min(...counts.values()) : undefined;
  const isEven = new Set(counts.values()).size === 1;
  if (isEven) return { instances: each && Math.min(each, SETTINGS.instances.max), deviceIds: [...counts.keys()] };
  const { maxCount } = SETTINGS.deviceIds;
  const total = [...counts.values()].reduce((sum, count) => sum + count);
  if (total > maxCount) findings.warn(path, `asks for ${total} instances on devices: there are at most ${maxCount}`);
  const ids = [...counts].flatMap(([id, count]) => Array.from<number>({ length: Math.min(count, maxCount) }).fill(id));
  return { instances: 1, deviceIds: ids.slice(0, maxCount) };
}

/** Undefined when no group says how many. */
function mapCount(groups: readonly ModelInstanceGroup[], findings: Findings): number | undefined {
  const path = ["instance_group"];
  if (groups.every(({ count }) => count <= 0)) return undefined;
  const { max } = SETTINGS.instances;
  const instances = groups.reduce((sum, { count }) => sum + Math.max(count, 1), 0);
  if (instances > max) findings.warn(path, `asks for ${instances} instances: there are at most ${max}`);
  else findings.mapped(path, `asks for ${instances} ${instances === 1 ? "instance" : "instances"} in all`);
  return Math.min(instances, max);
}

/** Undefined where the server's providers hold. */
function mapKinds(groups: readonly ModelInstanceGroup[], findings: Findings): readonly Provider[] | undefined {
  const unknown = groups.findIndex(({ kind }) => KIND_NAMES[kind] === undefined);
  if (unknown !== -1) {
    findings.refuse(["instance_group", unknown, "kind"], `must be one of ${KIND_NAMES.join(", ")}, got ${groups[unknown]!.kind}`);
  }
  const kinds = new Set(groups.map(({ kind }) => kind));
  if (kinds.size > 1) findings.warn(["instance_group"], "mixes kinds: all instances of a model run on the same provider");
  const gpu = groups.findIndex(({ kind }) => kind === Kind.KIND_GPU);
  if (gpu !== -1) {
    findings.mapped(
      ["instance_group", gpu, "kind"],
      "is KIND_GPU: cuda is tried first, and without it the model runs on the CPU and says so",
    );
    return ["cuda", "cpu"];
  }
  if (kinds.size === 1 && kinds.has(Kind.KIND_CPU)) {
    findings.mapped(["instance_group", 0, "kind"], "is KIND_CPU: the model runs on the CPU");
    return ["cpu"];
  }
  groups.forEach(({ kind }, index) => {
    const name = KIND_NAMES[kind];
    if (name !== undefined) findings.mapped(["instance_group", index, "kind"], `is ${name}: the server's executionProviders hold`);
  });
  return undefined;
}
