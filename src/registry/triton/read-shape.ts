// Shapes of a Triton configuration, checked as Triton does.

import type { FieldPath } from "../../config/fields.ts";
import type { Findings } from "./findings.ts";

/** Longest dimension. */
const MAX_LENGTH = 2_147_483_647n;

/** Lengths as numbers, -1 for a free one; undefined after refusing one that is neither. */
export function readLengths(lengths: readonly bigint[], path: FieldPath, findings: Findings): readonly number[] | undefined {
  const bad = lengths.find((length) => length !== -1n && (length < 1n || length > MAX_LENGTH));
  if (bad === undefined) return lengths.map(Number);
  findings.refuse(path, `must be lengths from 1 to ${MAX_LENGTH}, or -1 for a free one, got ${bad}`);
  return undefined;
}

/** Whether a file with one shape can be shown with the other; refuses when not. */
export function checkReshape(
  dims: readonly number[],
  inFile: readonly number[],
  hasRows: boolean,
  path: FieldPath,
  findings: Findings,
): boolean {
  const [seen, real] = [productsBetweenFree(dims), productsBetweenFree(inFile)];
  if (inFile.length === 0 && !hasRows) findings.refuse(path, "must not be empty: a tensor without rows has a dimension");
  else if (seen.length !== real.length || seen.some((product, i) => product !== real[i])) {
    findings.refuse(path, `must have as many elements as dims: [${inFile.join(", ")}] against [${dims.join(", ")}]`);
  } else if (real.length > 2) findings.refuse(path, "must have at most one free length");
  else return true;
  return false;
}

/** Elements before the first free length, between the free ones, and after the last: equal for two shapes that always fit each other. */
function productsBetweenFree(dims: readonly number[]): readonly bigint[] {
  const products = [1n];
  for (const length of dims) {
    if (length === -1) products.push(1n);
    else products[products.length - 1]! *= BigInt(length);
  }
  return products;
}
