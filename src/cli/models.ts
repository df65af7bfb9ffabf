// `predictd models`: the models of a server as a table, or one of them in full.

import type { Batching, Execution, Model, ModelVersion, TensorSpec } from "../client/client.ts";
import { createClient } from "../client/client.ts";
import { formatDims, formatUs } from "./output/format.ts";
import { renderTable } from "./output/table.ts";
import type { Terminal } from "./terminal.ts";

const MIB = 1_048_576;

/** Flags of `models`. */
export interface ModelsFlags {
  readonly address: string;
  readonly timeoutMs: number;
  readonly jsonOutput: boolean;
}

/**
 * Runs the command.
 * @param name model to show in full; all of them in a table otherwise.
 * @throws PredictdError for what the server answers.
 */
export async function showModels(name: string | undefined, flags: ModelsFlags, terminal: Terminal): Promise<void> {
  const client = createClient({ address: flags.address, defaultDeadlineMs: flags.timeoutMs });
  try {
    const { signal } = terminal;
    const shown = name === undefined ? await client.listModels({ signal }) : await client.getModel(name, undefined, { signal });
    terminal.stdout.write(flags.jsonOutput ? `${JSON.stringify(shown)}\n` : render(shown, terminal));
  } finally {
    client.close();
  }
}

function render(shown: Model | readonly Model[], terminal: Terminal): string {
  return "versions" in shown ? renderModel(shown, terminal) : renderList(shown, terminal);
}

function renderList(models: readonly Model[], { stdout, env }: Terminal): string {
  if (models.length === 0) return "The server has no models.\n";
  const rows = models.flatMap((model) => {
    if (model.versions.length === 0) return [[model.name, "-", "failed", "-", "-", model.problem]];
    return model.versions.map((version) => [
      model.name,
      `${version.version}${version.version === model.defaultVersion ? " (default)" : ""}`,
      version.state,
      placeOf(version),
      batchingOf(version),
      version.reason || model.problem || model.description,
    ]);
  });
  return `${renderTable(["model", "version", "state", "provider", "batching", ""], rows, stdout, env)}\n`;
}

function renderModel(model: Model, { stdout, env }: Terminal): string {
  const blocks: (string | false | undefined)[][] = [
    [
      model.name,
      model.description && `  ${model.description}`,
      model.problem && `  ${model.problem}`,
      model.required && "  required: the server is SERVING only when it is ready",
    ],
  ];
  for (const version of model.versions) {
    const { batching, execution, warmup, statistics } = version;
    blocks.push([
      `version ${version.version}: ${version.state}${version.version === model.defaultVersion ? " (default)" : ""}`,
      version.reason && `  ${version.reason}`,
      version.inputs.length > 0 && indent(renderSpecs("input", version.inputs, stdout, env)),
      version.outputs.length > 0 && indent(renderSpecs("output", version.outputs, stdout, env)),
      batching && `  batching: ${batchingOf(version)} (${batching.source})`,
      ...(batching === undefined ? [] : queueLines(batching)),
      execution &&
        `  execution: ${execution.instances} × ${execution.kind} on ${deviceOf(execution)}, ${execution.intraOpThreads} threads a run`,
      ...(execution?.providerNotes ?? []).map((note) => `    not ${note}`),
      warmup.length > 0 &&
        `  warm-up: ${warmup.map(({ rows, meanUs, p95Us }) => `${rows} rows ${formatUs(meanUs)} (p95 ${formatUs(p95Us)})`).join(", ")}`,
      `  answered: ${statistics.okCount} ok, ${statistics.errorCount} failed, ${statistics.rowCount} rows in ${statistics.batchCount} runs; ${statistics.queuedRows} rows wait`,
    ]);
  }
  return `${blocks.map((lines) => lines.filter(Boolean).join("\n")).join("\n\n")}\n`;
}

function renderSpecs(kind: string, specs: readonly TensorSpec[], stdout: Terminal["stdout"], env: Terminal["env"]): string {
  const rows = specs.map((spec) => [spec.name, spec.dtype, formatDims(spec), notesOf(spec)]);
  return renderTable([kind, "type", "shape", ""], rows, stdout, env);
}

function notesOf({ description, columns, labels, optional }: TensorSpec): string {
  const notes = [
    description,
    optional && "optional",
    columns.length > 0 && `columns: ${columns.join(", ")}`,
    labels.length > 0 && `classes: ${labels.join(", ")}`,
  ];
  return notes.filter(Boolean).join("; ");
}

/** Provider, and where it runs if not in threads. */
function placeOf({ execution }: ModelVersion): string {
  if (execution === undefined) return "-";
  return execution.kind === "thread" ? deviceOf(execution) : `${deviceOf(execution)}, ${execution.kind}`;
}

/** Provider, with the numbers of its devices if it has such. */
function deviceOf({ provider, deviceIds }: Execution): string {
  return deviceIds.length === 0 ? provider : `${provider}:${deviceIds.join(",")}`;
}

function batchingOf({ batching }: ModelVersion): string {
  if (batching === undefined) return "-";
  return batching.enabled ? `up to ${batching.maxBatchSize} rows` : "off";
}

/** How its requests wait; what is as it always is goes without saying. */
function queueLines(batching: Batching): (string | false)[] {
  const { maxQueueDelayMs, gate, maxQueueRows, maxQueueBytes, admission, allowedBatchSizes, preferredBatchSizes } = batching;
  const { preserveOrdering, paddedLengths, maxBatchTokens } = batching;
  const limits = `at most ${maxQueueRows} rows and ${(maxQueueBytes / MIB).toFixed(0)} MiB wait`;
  const delay = maxQueueDelayMs > 0 ? `; a run waits up to ${maxQueueDelayMs} ms to be fuller (${gate})` : "";
  return [
    `  queue: ${limits}${delay}; admission ${admission}${preserveOrdering ? "; in order of arrival" : ""}`,
    allowedBatchSizes.length > 0 && `  sizes: runs of ${allowedBatchSizes.join(", ")} rows only`,
    preferredBatchSizes.length > 0 && `  sizes: ${preferredBatchSizes.join(", ")} rows preferred`,
    paddedLengths.length > 0 && `  lengths: padded to ${paddedLengths.join(", ")}; up to ${maxBatchTokens} positions a run`,
  ];
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
