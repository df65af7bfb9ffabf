// The model.yaml that says what a Triton configuration says, as far as it has words for it.

import { isDeepStrictEqual } from "node:util";
import { Document, isScalar, visit } from "yaml";
import type { Manifest } from "../../registry/manifest.ts";
import type { ModelSettings } from "../../registry/model-settings.ts";
import { DEFAULT_MODEL_SETTINGS } from "../../registry/model-settings.ts";

/** A model.yaml and what it leaves unsaid. */
export interface ManifestText {
  /** Empty when there is nothing to say. */
  readonly text: string;
  /** What config.pbtxt has to stay for. */
  readonly unsaid: readonly string[];
}

const MAX_LINE_CHARS = 120;

/** Lists that are shorter stand on one line. */
const MAX_FLOW_CHARS = 80;

/** Settings of a model that stands on config.pbtxt alone as model.yaml would have them. */
export function manifestText(settings: ModelSettings): ManifestText {
  const given = Object.fromEntries(Object.entries(saidBy(settings)).filter(([, value]) => value !== undefined));
  return { text: Object.keys(given).length === 0 ? "" : render(given), unsaid: unsaidOf(settings) };
}

/** By key of model.yaml, in the order in which they are written; undefined where there is nothing to say. */
function saidBy(settings: ModelSettings): Readonly<Record<keyof Manifest, unknown>> {
  return {
    description: settings.description || undefined,
    required: settings.required || undefined,
    maxBatchSize: settings.maxBatchSize,
    padding: settings.padding && { ...settings.padding, inputs: Object.fromEntries(settings.padding.inputs) },
    allowedBatchSizes: settings.allowedBatchSizes.length > 0 ? settings.allowedBatchSizes : undefined,
    preferredBatchSizes: settings.preferredBatchSizes.length > 0 ? settings.preferredBatchSizes : undefined,
    preserveOrdering: settings.preserveOrdering || undefined,
    maxQueueDelayMs: Number.isInteger(settings.maxQueueDelayMs) ? settings.maxQueueDelayMs : undefined,
    gate: settings.gate,
    maxQueueRows: settings.maxQueueRows,
    maxQueueBytes: settings.maxQueueBytes,
    admission: settings.admission,
    execution: settings.execution,
    instances: settings.instances,
    intraOpThreads: settings.intraOpThreads,
    executionProviders: settings.executionProviders,
    deviceIds: settings.deviceIds,
    tune: settings.tune,
    tuneBudgetMs: settings.tuneBudgetMs,
    objectiveMs: settings.objectiveMs,
    warmupRuns: settings.warmupRuns,
    warmupBudgetMs: settings.warmupBudgetMs,
    warmupDims: settings.warmupDims.size > 0 ? Object.fromEntries(settings.warmupDims) : undefined,
    versions: versionsOf(settings),
    inputs: notesOf(settings.inputNotes),
    outputs: notesOf(settings.outputNotes),
  };
}

function versionsOf({ versions }: ModelSettings): unknown {
  if (versions.kind === "all") return undefined;
  return versions.kind === "latest" ? { latest: versions.count } : versions.versions.map(BigInt);
}

function notesOf(notes: ModelSettings["inputNotes"]): unknown {
  if (notes.length === 0) return undefined;
  return notes.map(({ name, description, columns, labels }) => ({
    name,
    ...(description === "" ? {} : { description }),
    ...(columns.length === 0 ? {} : { columns }),
    ...(labels.length === 0 ? {} : { labels }),
  }));
}

function render(given: object): string {
  const document = new Document(given);
  visit(document, {
    Seq(_key, sequence) {
      sequence.flow = sequence.items.every(isScalar) && JSON.stringify(sequence).length < MAX_FLOW_CHARS;
    },
    Scalar(_key, scalar) {
      // Only there can whoever prints it escape what a terminal would act on.
      if (typeof scalar.value === "string" && /\p{Cc}/u.test(scalar.value)) scalar.type = "QUOTE_DOUBLE";
    },
  });
  return document.toString({ lineWidth: MAX_LINE_CHARS, flowCollectionPadding: false });
}

function unsaidOf(settings: ModelSettings): readonly string[] {
  const { modelFile, maxBatchSize, maxQueueDelayMs, declaredInputs, declaredOutputs } = settings;
  const declared = [...(declaredInputs ?? []), ...(declaredOutputs ?? [])];
  const labels = settings.outputNotes.flatMap((note) => note.labels);
  const words: readonly (readonly [boolean, string])[] = [
    [modelFile !== undefined && !modelFile.endsWith(".onnx"), `the file ${JSON.stringify(modelFile)}`],
    [!settings.sharesRuns && maxBatchSize !== 0, "that requests do not share runs"],
    [maxQueueDelayMs !== undefined && !Number.isInteger(maxQueueDelayMs), `a wait of ${maxQueueDelayMs} ms`],
    [!isDeepStrictEqual(settings.queue, DEFAULT_MODEL_SETTINGS.queue), "priorities and queue policies"],
    [settings.interOpThreads !== 0, "inter_op_thread_count"],
    [settings.parallelExecution, "execution_mode"],
    [settings.graphOptimization !== "all", "optimization.graph.level"],
    [settings.warmupPlans.length > 0, "warm-up requests"],
    [labels.some((label) => label === "" || label.length > 256), "class names that are empty or longer than 256 characters"],
    [declared.some(({ reshape }) => reshape !== undefined), "reshaped inputs and outputs"],
    [declared.length > 0, "declared inputs and outputs, which the file is held against"],
  ];
  return words.filter(([isSo]) => isSo).map(([, word]) => word);
}
