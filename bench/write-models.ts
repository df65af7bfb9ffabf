// `node bench/write-models.ts <folder> [name…]`: the models of the bench as a folder that any server can be pointed at.

import { benchModels, writeBenchModel } from "./models.ts";

type Name = keyof typeof benchModels;

const all = Object.keys(benchModels) as readonly Name[]; // its own keys

function main([folder, ...names]: readonly string[]): void {
  const unknown = names.find((name) => !all.some((known) => known === name));
  if (unknown !== undefined) throw new Error(`${unknown} is unknown: the models are ${all.join(", ")}.`);
  if (folder === undefined) throw new Error(`Usage: node bench/write-models.ts <folder> [${all.join("|")} …]`);
  const wanted = names.length === 0 ? all : all.filter((name) => names.includes(name));
  for (const name of wanted) process.stdout.write(`${writeBenchModel(folder, name)}\n`);
}

try {
  main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
