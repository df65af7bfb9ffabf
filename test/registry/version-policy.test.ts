// Which versions are chosen.

import { expect, test } from "@jest/globals";
import type { VersionPolicy } from "../../src/registry/version-policy.ts";
import { chooseVersions } from "../../src/registry/version-policy.ts";

test.each<[VersionPolicy, readonly string[], readonly string[], readonly string[]]>([
  [{ kind: "all" }, ["10", "9", "1"], ["10", "9", "1"], []],
  [{ kind: "latest", count: 1 }, ["10", "9", "1"], ["10"], []],
  [{ kind: "latest", count: 5 }, ["10", "9", "1"], ["10", "9", "1"], []],
  [{ kind: "specific", versions: ["1", "9"] }, ["10", "9", "1"], ["9", "1"], []],
  [{ kind: "specific", versions: ["2", "9"] }, ["10", "9", "1"], ["9"], ["2"]],
  [{ kind: "specific", versions: ["2"] }, [], [], ["2"]],
])("%j of %j", (policy, available, wanted, missing) => {
  expect(chooseVersions(policy, available)).toEqual({ wanted, missing });
});
