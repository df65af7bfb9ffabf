// The page of results: named scenarios replace their own sections, all others stay as they are, in the order of the scenarios.

import { expect, test } from "@jest/globals";
import * as fc from "fast-check";
import type { Outcome } from "../../bench/lib/results.ts";
import { isWritten, mergeSections, renderResults, sectionsOf } from "../../bench/lib/results-page.ts";

const names = ["one", "two", "three"];

function outcomeOf(name: string, value: number): Outcome {
  const scenario = { name, about: `About ${name}.`, run: async () => [] };
  return { scenario, figures: [{ name: "rate", value, unit: "x" }], seconds: 3, busyBefore: 0 };
}

function pageOf(outcomes: readonly Outcome[], before?: string): string {
  return renderResults({ outcomes, names, whole: before === undefined, before, repoDir: process.cwd() });
}

test("a whole run writes every section, each with its day and commit", () => {
  const page = pageOf(names.map((name, i) => outcomeOf(name, i)));
  expect(page).toContain("Sections may be of different days and commits");
  const sections = sectionsOf(page);
  expect([...sections.keys()]).toEqual(names);
  for (const [name, text] of sections) {
    expect(text).toMatch(
      new RegExp(`^Written by \`npm run bench\` on \\d{4}-\\d\\d-\\d\\d at commit \\w+ \\(3 s\\); .*--only ${name} --write`, "m"),
    );
  }
});

test("named scenarios replace their sections, the others stay word for word", () => {
  const before = pageOf([outcomeOf("three", 3), outcomeOf("one", 1)]).replaceAll(/at commit \w+/g, "at commit 0ldc0de");
  const page = pageOf([outcomeOf("two", 7), outcomeOf("three", 8)], before);
  const sections = sectionsOf(page);
  expect([...sections.keys()]).toEqual(names);
  expect(sections.get("one")).toBe(sectionsOf(before).get("one"));
  expect(sections.get("one")).toContain("at commit 0ldc0de");
  expect(sections.get("two")).toContain("| rate | 7 x |");
  expect(sections.get("three")).toContain("| rate | 8 x |");
  expect(sections.get("three")).not.toContain("0ldc0de");
  expect(page.match(/^# /gm)).toHaveLength(1);
});

test("a scenario that is no more leaves the page, and a page in between loses nothing else", () => {
  const before = pageOf([outcomeOf("one", 1)]).replace("## one", "## gone");
  expect([...sectionsOf(pageOf([outcomeOf("two", 2)], before)).keys()]).toEqual(["two"]);
});

test("what was written comes before what was kept, in the order of the names", () => {
  const some = fc.uniqueArray(fc.constantFrom(...names));
  fc.assert(
    fc.property(some, some, (now, earlier) => {
      const written = new Map(now.map((name) => [name, `new ${name}`]));
      const kept = new Map(earlier.map((name) => [name, `old ${name}`]));
      const merged = mergeSections(names, written, kept);
      const expected = names.filter((name) => now.includes(name) || earlier.includes(name));
      expect(merged).toEqual(expected.map((name) => `${now.includes(name) ? "new" : "old"} ${name}`));
    }),
  );
});

test("a whole run writes, named scenarios when told to, a quick run never", () => {
  const none = { quick: false, named: false, write: false, noWrite: false };
  expect(isWritten(none)).toBe(true);
  expect(isWritten({ ...none, noWrite: true })).toBe(false);
  expect(isWritten({ ...none, named: true })).toBe(false);
  expect(isWritten({ ...none, named: true, write: true })).toBe(true);
  expect(isWritten({ ...none, named: true, write: true, quick: true })).toBe(false);
  expect(isWritten({ ...none, write: true, quick: true })).toBe(false);
});
