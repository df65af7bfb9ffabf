// Which of the versions that a folder has are to be served: a pure choice.

/** The versions wanted: all, the highest few, or these. */
export type VersionPolicy =
  | { readonly kind: "all" }
  | { readonly kind: "latest"; readonly count: number }
  /** Decimal numbers without leading zeros. */
  | { readonly kind: "specific"; readonly versions: readonly string[] };

/** What a policy makes of the versions at hand. */
export interface ChosenVersions {
  /** In the order they were given. */
  readonly wanted: readonly string[];
  /** Asked for, but not there. */
  readonly missing: readonly string[];
}

/** @param available decimal numbers, highest first. */
export function chooseVersions(policy: VersionPolicy, available: readonly string[]): ChosenVersions {
  if (policy.kind === "all") return { wanted: available, missing: [] };
  if (policy.kind === "latest") return { wanted: available.slice(0, policy.count), missing: [] };
  const asked = new Set(policy.versions);
  return {
    wanted: available.filter((version) => asked.has(version)),
    missing: policy.versions.filter((version) => !available.includes(version)),
  };
}
