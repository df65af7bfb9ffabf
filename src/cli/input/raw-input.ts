// `--input name=@file`: raw bytes of inputs.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Tensor, TensorSpec } from "../../client/client.ts";
import { rawTensor } from "../../client/client.ts";
import { ELEMENT_BYTES } from "../../tensor/dtype.ts";
import { formatDims } from "../output/format.ts";
import { UsageError } from "../usage-error.ts";

/**
 * One tensor for each `--input`. Without a `--shape` the shape is the signature's, where the bytes tell its one free dimension.
 * @throws UsageError for a flag, a name or a size that does not fit.
 */
export async function tensorsFromFiles(
  files: readonly string[],
  shapes: readonly string[],
  inputs: readonly TensorSpec[],
  cwd: string,
): Promise<readonly Tensor[]> {
  const shapeByName = new Map(shapes.map((flag) => parseShape(flag, inputs)));
  return Promise.all(
    files.map(async (flag) => {
      const { name, value } = splitFlag("--input", flag, "name=@file.bin");
      const spec = specOf("--input", name, inputs);
      if (!value.startsWith("@")) throw new UsageError(`--input ${flag}: write the file as @file, e.g. --input ${name}=@file.bin.`);
      if (spec.dtype === "STRING")
        throw new UsageError(`--input ${name}: a STRING input cannot be given as raw bytes; use --json or --text.`);
      const raw = await readFile(resolve(cwd, value.slice(1))).catch((error: NodeJS.ErrnoException) => {
        throw new UsageError(`--input ${name}: ${value.slice(1)} cannot be read (${error.code ?? error.message}).`);
      });
      const shape = shapeByName.get(name) ?? inferShape(spec, raw.byteLength);
      const expected = shape.reduce((product, length) => product * length, ELEMENT_BYTES[spec.dtype]);
      if (expected !== raw.byteLength) {
        throw new UsageError(
          `--input ${name}: [${shape.join(", ")}] of ${spec.dtype} takes ${expected} bytes, the file has ${raw.byteLength}.`,
        );
      }
      return rawTensor(name, raw, shape, spec.dtype);
    }),
  );
}

function parseShape(flag: string, inputs: readonly TensorSpec[]): readonly [name: string, shape: readonly number[]] {
  const { name, value } = splitFlag("--shape", flag, "name=1,3,224,224");
  const shape = value === "" ? [] : value.split(",").map((part) => (/^\d+$/.test(part.trim()) ? Number(part) : NaN));
  if (!shape.every(Number.isSafeInteger)) throw new UsageError(`--shape ${flag}: write it as --shape ${name}=1,3,224,224.`);
  return [specOf("--shape", name, inputs).name, shape];
}

function inferShape(spec: TensorSpec, byteLength: number): readonly number[] {
  const free = spec.dims.filter(({ size }) => size < 0).length;
  if (free > 1) throw new UsageError(`--input ${spec.name}: ${formatDims(spec)} has ${free} free dimensions; add --shape ${spec.name}=….`);
  const fixed = spec.dims.reduce((product, { size }) => (size < 0 ? product : product * size), ELEMENT_BYTES[spec.dtype]);
  return spec.dims.map(({ size }) => (size < 0 ? Math.floor(byteLength / fixed) : size));
}

function splitFlag(flag: string, text: string, example: string): { readonly name: string; readonly value: string } {
  const at = text.indexOf("=");
  if (at < 1) throw new UsageError(`${flag} ${text}: write it as ${flag} ${example}.`);
  return { name: text.slice(0, at), value: text.slice(at + 1) };
}

function specOf(flag: string, name: string, inputs: readonly TensorSpec[]): TensorSpec {
  const spec = inputs.find((input) => input.name === name);
  if (spec !== undefined) return spec;
  throw new UsageError(`${flag} ${name}: the model has no such input; it has ${inputs.map((input) => `"${input.name}"`).join(", ")}.`);
}
