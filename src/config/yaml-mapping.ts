// Reads a YAML text whose top is a mapping, so that problems can name their line.

import { isNode, LineCounter, parseDocument } from "yaml";
import type { FieldPath } from "./fields.ts";

/** Most characters of a file that is read as YAML. */
export const MAX_YAML_CHARS = 1_048_576;

/** A text as read. */
export interface YamlMapping {
  /** The top; mappings at every depth are Maps, so that no key can reach a prototype. Undefined when there are problems. */
  readonly value: ReadonlyMap<unknown, unknown> | undefined;
  /** What is wrong with the text itself, with lines. */
  readonly problems: readonly string[];
  /** Line of the value at a path, or of the nearest value above it; 1 for the top. */
  lineOf(path: FieldPath): number;
}

/** Reads a text. An empty one is an empty mapping. Never throws. */
export function readYamlMapping(text: string): YamlMapping {
  if (text.length > MAX_YAML_CHARS) return failed([`must be at most ${MAX_YAML_CHARS} characters, got ${text.length}`]);

  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const flaws = [...document.errors, ...document.warnings];
  if (flaws.length > 0) return failed(flaws.map((flaw) => `line ${lineCounter.linePos(flaw.pos[0]).line}: ${flaw.message}`));

  let value: unknown;
  try {
    value = document.toJS({ mapAsMap: true, maxAliasCount: 100 });
  } catch (error) {
    return failed([error instanceof Error ? error.message : String(error)]);
  }
  if (value === null || value === undefined) return { value: new Map(), problems: [], lineOf: () => 1 };
  if (!(value instanceof Map)) return failed(["line 1: must be a mapping of keys to values"]);

  return {
    value,
    problems: [],
    lineOf(path) {
      for (let length = path.length; length > 0; length--) {
        const node: unknown = document.getIn(path.slice(0, length), true);
        if (isNode(node) && node.range) return lineCounter.linePos(node.range[0]).line;
      }
      return 1;
    },
  };
}

function failed(problems: readonly string[]): YamlMapping {
  return { value: undefined, problems, lineOf: () => 1 };
}
