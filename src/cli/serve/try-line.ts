// One command to try, chosen from what is served.

import type { ModelView } from "../../registry/view.ts";
import type { Signature } from "../../tensor/signature.ts";
import { DEFAULT_ADDRESS } from "../address.ts";
import type { Samples } from "./samples.ts";

/** The command, for a model that is ready: the easiest input first. Undefined when none is. */
export function tryLine(models: readonly ModelView[], address: string, samples: Samples): string | undefined {
  const ready = models.flatMap(({ name, defaultVersion, versions }) => {
    const signature = versions.find(({ version }) => version === defaultVersion)?.signature;
    return signature === undefined ? [] : [{ name, signature }];
  });
  const commands = [
    ...ready.map(({ name, signature }) => isText(signature) && `${name} --text "You are wonderful"`),
    ...ready.map(({ name }) => samples.images.has(name) && `${name} --image ${quote(samples.images.get(name)!)}`),
    ...ready.map(
      ({ name, signature }) => isTable(signature) && samples.tables.has(name) && `${name} --csv ${quote(samples.tables.get(name)!)}`,
    ),
    ...ready.map(({ name, signature }) => zeros(name, signature)),
  ];
  const command = commands.find((candidate) => candidate !== false);
  if (command !== undefined) return `npx predictd predict${addressFlag(address)} --model ${command}`;
  return ready[0] === undefined ? undefined : `npx predictd models${addressFlag(address)} ${ready[0].name}`;
}

const MAX_ZEROS = 32;

/** Zeros for every input that is needed, if they are few. */
function zeros(name: string, signature: Signature): string | false {
  const inputs = signature.inputs.filter(({ optional }) => optional !== true);
  const counts = inputs.map(({ dims }) => dims.reduce((product, { size }) => product * Math.max(1, size), 1));
  if (inputs.some(({ dtype }) => dtype === "STRING") || counts.reduce((sum, count) => sum + count, 0) > MAX_ZEROS) return false;
  const value = inputs.map((spec) => [
    spec.name,
    spec.dims.reduceRight<unknown>((inner, { size }) => Array.from({ length: Math.max(1, size) }, () => inner), 0),
  ]);
  return `${name} --json ${quote(JSON.stringify(Object.fromEntries(value)))}`;
}

function isText({ inputs }: Signature): boolean {
  return inputs.length === 1 && inputs[0]!.dtype === "STRING";
}

function isTable({ inputs }: Signature): boolean {
  return inputs.length === 1 && inputs[0]!.columns.length > 0;
}

function addressFlag(address: string): string {
  return address === DEFAULT_ADDRESS ? "" : ` --address ${address}`;
}

function quote(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
