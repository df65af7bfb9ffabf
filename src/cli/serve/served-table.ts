// What is served, once every model has loaded or failed.

import type { ModelView, VersionView } from "../../registry/view.ts";
import { renderTable } from "../output/table.ts";
import type { Terminal } from "../terminal.ts";
import { dim } from "../terminal.ts";
import { reachableAddress } from "./reachable-address.ts";
import type { Samples } from "./samples.ts";
import { tryLine } from "./try-line.ts";

/** A row for each model, the reasons of failed ones, and a command to try. Ends with a line break. */
export function renderServed(
  models: readonly ModelView[],
  grpcAddress: string,
  samples: Samples,
  { stdout, env }: Pick<Terminal, "stdout" | "env">,
): string {
  const address = reachableAddress(grpcAddress);
  const rows = models.map(({ name, versions }) => {
    const best = versions.find(({ state }) => state === "ready");
    return [
      name,
      versions.map(({ version, state }) => `${version} ${state}`).join(", ") || "none",
      best?.execution?.provider ?? "-",
      batchingOf(best),
      address,
    ];
  });
  const table =
    models.length === 0 ? "No models yet." : renderTable(["model", "versions", "provider", "batching", "grpc"], rows, stdout, env);
  const reasons = models.flatMap(({ name, problem, versions }) => [
    ...(problem === "" ? [] : [`${name}: ${problem}`]),
    ...versions
      .filter(({ state, reason }) => state === "failed" && reason !== problem)
      .map(({ version, reason }) => `${name} ${version}: ${reason}`),
  ]);
  const command = tryLine(models, address, samples);
  const blocks = ["", table, reasons.join("\n"), command === undefined ? "" : dim(`try: ${command}`, stdout, env)];
  return `${blocks
    .filter((block, i) => i === 0 || block !== "")
    .join("\n\n")
    .trimStart()}\n`;
}

function batchingOf(version: VersionView | undefined): string {
  if (version?.batching === undefined) return "-";
  return version.batching.enabled ? `up to ${version.batching.maxBatchSize} rows` : "off";
}
