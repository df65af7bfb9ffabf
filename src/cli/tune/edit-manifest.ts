// Sets numbers at the top of a model.yaml and leaves every other character as it is.

import type { Document, ParsedNode } from "yaml";
import { isMap, isNode, isScalar, parseDocument } from "yaml";

/** @param text a good model.yaml, maybe empty. @param values by key. @returns the new text. */
export function editManifest(text: string, values: Readonly<Record<string, number>>): string {
  return setInPlace(text, values) ?? setInDocument(text, values);
}

/** Replaces values where they stand and adds what is missing at the end; undefined when the text is not one plain block of keys. */
function setInPlace(text: string, values: Readonly<Record<string, number>>): string | undefined {
  const { contents } = parseDocument(text);
  if (contents !== null && (!isMap(contents) || contents.flow === true)) return undefined;
  const places = new Map<string, ParsedNode>();
  for (const { key, value } of contents?.items ?? []) {
    if (!isScalar(key) || !isNode(value)) return undefined;
    places.set(String(key.value), value);
  }
  let edited = text;
  const known = Object.entries(values).filter(([key]) => places.has(key));
  // From the end, so that what stands before keeps its place.
  for (const [key, value] of known.toSorted(([a], [b]) => places.get(b)!.range[0] - places.get(a)!.range[0])) {
    const place = places.get(key)!;
    if (!isScalar(place) || place.anchor !== undefined || typeof place.value !== "number") return undefined;
    edited = edited.slice(0, place.range[0]) + String(value) + edited.slice(place.range[1]);
  }
  const missing = Object.entries(values).filter(([key]) => !places.has(key));
  const lineBreak = text.includes("\r\n") ? "\r\n" : "\n";
  if (missing.length > 0 && edited !== "" && !edited.endsWith("\n")) edited += lineBreak;
  edited += missing.map(([key, value]) => `${key}: ${value}${lineBreak}`).join("");
  return says(edited, values) ? edited : undefined;
}

function setInDocument(text: string, values: Readonly<Record<string, number>>): string {
  const document: Document = parseDocument(text);
  // A file that says no more than `null` counts as empty.
  if (!isMap(document.contents)) document.contents = document.createNode({});
  for (const [key, value] of Object.entries(values)) document.set(key, value);
  return document.toString({ lineWidth: 0 });
}

function says(text: string, values: Readonly<Record<string, number>>): boolean {
  const document = parseDocument(text);
  return document.errors.length === 0 && Object.entries(values).every(([key, value]) => document.get(key) === value);
}
