// Numbers set in a model.yaml whose other lines belong to somebody.

import { describe, expect, test } from "@jest/globals";
import { array, assert, boolean, constantFrom, dictionary, integer, oneof, property, string, stringMatching } from "fast-check";
import { parseDocument } from "yaml";
import { editManifest } from "../../src/cli/tune/edit-manifest.ts";

const VALUES = { instances: 2, intraOpThreads: 1, maxBatchSize: 64 };
const LINES = "instances: 2\nintraOpThreads: 1\nmaxBatchSize: 64\n";

describe("every other character stays", () => {
  test.each<[string, string, string]>([
    ["no file yet", "", LINES],
    ["only a comment", "# nothing yet\n", `# nothing yet\n${LINES}`],
    ["no line break at the end", "required: true", `required: true\n${LINES}`],
    [
      "values with comments, in another order, and odd spacing",
      "# head\nmaxBatchSize:   8   # measured in May\n\ninputs:\n- {name: x,   columns: [a,b]}\ninstances: 1 # one\n# foot\n",
      "# head\nmaxBatchSize:   64   # measured in May\n\ninputs:\n- {name: x,   columns: [a,b]}\ninstances: 2 # one\n# foot\nintraOpThreads: 1\n",
    ],
    ["all of them", "instances: 16\nintraOpThreads: 0\nmaxBatchSize: 1\n", LINES],
    ["a value in hexadecimal", "instances: 0x10\nintraOpThreads: 1\nmaxBatchSize: 64\n", LINES],
    ["a key of the same name further down", "warmupDims:\n  instances: 7\n", `warmupDims:\n  instances: 7\n${LINES}`],
    ["a block text at the end", "description: |\n  two\n  lines\n", `description: |\n  two\n  lines\n${LINES}`],
    [
      "Windows line breaks",
      "required: true\r\ninstances: 1\r\n",
      "required: true\r\ninstances: 2\r\nintraOpThreads: 1\r\nmaxBatchSize: 64\r\n",
    ],
  ])("%s", (_, before, after) => {
    expect(editManifest(before, VALUES)).toBe(after);
  });
});

describe("where lines cannot just be added the document is written anew, with its comments", () => {
  test.each<[string, string]>([
    ["a mapping in braces", "{ required: true } # why\n"],
    ["an end marker", "required: true # why\n...\n"],
    ["an anchor", "instances: &n 1 # why\nrequired: true\n"],
    ["no value", "instances: # why\nrequired: true\n"],
  ])("%s", (_, before) => {
    const after = editManifest(before, VALUES);
    expect(parseDocument(after).toJS()).toEqual({ required: true, ...VALUES });
    expect(after).toContain("# why");
  });
});

test("what it says afterwards is what it said before, with the new values", () => {
  const value = oneof(integer(), boolean(), string(), array(string(), { maxLength: 3 }));
  const key = oneof(constantFrom(...Object.keys(VALUES)), stringMatching(/^[a-z]{1,8}$/));
  assert(
    property(dictionary(key, value, { noNullPrototype: true }), boolean(), (given, isFlow) => {
      const document = parseDocument("");
      for (const [name, one] of Object.entries(given)) document.set(name, document.createNode(one, { flow: isFlow }));
      expect(parseDocument(editManifest(document.toString(), VALUES)).toJS()).toEqual({ ...given, ...VALUES });
    }),
  );
});
