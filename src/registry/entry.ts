// One model of the registry: what is published of it now.

import type { ModelSettings } from "./model-settings.ts";
import { DEFAULT_MODEL_SETTINGS } from "./model-settings.ts";
import type { Version } from "./version.ts";
import type { ModelView } from "./view.ts";

/** A model; the registry alone changes it. */
export class Entry {
  readonly name: string;
  settings: ModelSettings = DEFAULT_MODEL_SETTINGS;
  /** Highest first; at most one of each number. */
  versions: readonly Version[] = [];
  /** Why nothing of it can be served; "" when it can. */
  problem = "";
  /** Whether a load or an unload is under way. */
  changing = false;
  /** Whether it is not served because somebody wants it so. */
  setAside = false;

  constructor(name: string) {
    this.name = name;
  }

  /** Puts a version in its place; one of the same number leaves. */
  publish(version: Version): void {
    const others = this.versions.filter((other) => other.version !== version.version);
    this.versions = [...others, version].toSorted((a, b) => (BigInt(a.version) > BigInt(b.version) ? -1 : 1));
  }

  /** Takes a version out. */
  withdraw(version: Version): void {
    this.versions = this.versions.filter((other) => other !== version);
  }

  /** The version of this number. */
  find(number: string): Version | undefined {
    return this.versions.find(({ version }) => version === number);
  }

  /** The version that answers requests without one. */
  default(): Version | undefined {
    return this.versions.find(({ servable }) => servable !== undefined);
  }

  /** What the outside may know. */
  view(): ModelView {
    return {
      name: this.name,
      description: this.settings.description,
      required: this.settings.required,
      problem: this.problem,
      defaultVersion: this.default()?.version ?? "",
      versions: this.versions.map((version) => version.view()),
    };
  }
}
