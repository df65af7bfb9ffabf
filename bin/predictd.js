#!/usr/bin/env node
// Starts the command line: from the build where there is one (an installed package), else from the sources.
import { existsSync } from "node:fs";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`predictd needs Node 22.18 or newer; this is ${process.version}.\n`);
  process.exitCode = 1;
} else {
  const source = new URL("../src/main.ts", import.meta.url);
  await import(existsSync(source) ? source.href : new URL("../dist/src/main.js", import.meta.url).href);
}
