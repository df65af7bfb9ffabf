// `predictd predict`: reads an input of any kind, asks, prints.

import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import type { ModelVersion, PredictdClient, PredictRequest, Tensor } from "../client/client.ts";
import { createClient } from "../client/client.ts";
import { chooseVersion } from "./choose-version.ts";
import type { Invert } from "./input/image-input.ts";
import { renderResult } from "./output/human-output.ts";
import { resultToJson } from "./output/json-output.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

/** Flags of `predict`. */
export interface PredictFlags {
  readonly model?: string;
  readonly version?: string;
  readonly address: string;
  readonly timeoutMs: number;
  readonly output?: readonly string[];
  readonly jsonOutput: boolean;
  readonly json?: string;
  readonly csv?: string;
  readonly text?: readonly string[];
  readonly image?: readonly string[];
  readonly input?: readonly string[];
  readonly shape?: readonly string[];
  readonly invert: Invert;
}

const INPUT_FLAGS = ["json", "csv", "text", "image", "input"] as const;

/** Inputs above it are sent in chunks, well below the server's default message limit of 64 MiB. */
const UPLOAD_ABOVE_BYTES = 48 * 1024 * 1024;

/**
 * Runs the command.
 * @throws UsageError for flags and inputs that cannot be used, PredictdError for what the server answers.
 */
export async function predict(flags: PredictFlags, terminal: Terminal): Promise<void> {
  const { model: name } = flags;
  if (name === undefined) throw new UsageError("--model says which model to ask; `predictd models` lists them.");
  const given = INPUT_FLAGS.filter((flag) => flags[flag] !== undefined);
  if (given.length !== 1) {
    const kinds = INPUT_FLAGS.map((flag) => `--${flag}`).join(", ");
    throw new UsageError(`Give exactly one kind of input of ${kinds}; ${given.length === 0 ? "none was given" : `${given.length} were`}.`);
  }
  if (flags.shape !== undefined && flags.input === undefined) throw new UsageError("--shape goes with --input only.");

  const client = createClient({ address: flags.address, defaultDeadlineMs: flags.timeoutMs });
  try {
    const model = await client.getModel(name, flags.version, { signal: terminal.signal });
    const version = chooseVersion(model, flags.version);
    const base = { model: name, version: version.version, outputs: flags.output };
    if (flags.csv !== undefined) {
      const { predictCsv } = await import("./predict-csv.ts");
      await predictCsv(
        client,
        { ...base, path: resolve(terminal.cwd, flags.csv), timeoutMs: flags.timeoutMs, asJson: flags.jsonOutput },
        version,
        terminal,
      );
    } else {
      await predictOnce(client, base, flags, version, terminal);
    }
  } finally {
    client.close();
  }
}

async function predictOnce(
  client: PredictdClient,
  base: Omit<PredictRequest, "inputs">,
  flags: PredictFlags,
  version: ModelVersion,
  terminal: Terminal,
): Promise<void> {
  const inputs = await readInputs(flags, version, terminal.cwd);
  const request = { ...base, inputs };
  const bytes = inputs.reduce((sum, { raw }) => sum + raw.byteLength, 0);
  const { signal } = terminal;
  const result = await (bytes > UPLOAD_ABOVE_BYTES ? client.upload(request, { signal }) : client.predict(request, { signal }));
  terminal.stdout.write(flags.jsonOutput ? `${JSON.stringify(resultToJson(result))}\n` : renderResult(result, version.outputs, terminal));
}

async function readInputs(flags: PredictFlags, { inputs }: ModelVersion, cwd: string): Promise<readonly Tensor[]> {
  const needed = inputs.filter(({ optional }) => optional !== true);
  if (flags.json !== undefined) {
    const { readTextFlag, tensorsFromJson } = await import("./input/json-input.ts");
    return tensorsFromJson(await readTextFlag("--json", flags.json, cwd), inputs);
  }
  if (flags.text !== undefined) {
    const { tensorsFromTexts } = await import("./input/text-input.ts");
    return tensorsFromTexts(flags.text, needed);
  }
  if (flags.image !== undefined) {
    const { tensorsFromImages } = await import("./input/image-input.ts");
    const files = await Promise.all(flags.image.map(async (path) => ({ name: basename(path), bytes: await readImage(path, cwd) })));
    return tensorsFromImages(files, needed, flags.invert);
  }
  const { tensorsFromFiles } = await import("./input/raw-input.ts");
  return tensorsFromFiles(flags.input ?? [], flags.shape ?? [], inputs, cwd);
}

async function readImage(path: string, cwd: string): Promise<Uint8Array> {
  return readFile(resolve(cwd, path)).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--image: ${path} cannot be read (${error.code ?? error.message}).`);
  });
}
