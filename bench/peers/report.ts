// The page bench/PEERS.md: what each server answered in time, where another is ahead of predictd, and how each was configured.

import { cpus, totalmem } from "node:os";
import { largePages } from "../lib/large-pages.ts";
import { readable } from "../lib/numbers.ts";
import { maxAboveCeiling, maxFailureShare } from "../loadgen/capacity.ts";
import { inferMessage, plainJson } from "../loadgen/bodies.ts";
import { benchModels } from "../models.ts";
import { deadlineMs } from "./deadlines.ts";
import type { Peer } from "./peer.ts";
import { peers } from "./peers.ts";
import { points } from "./points.ts";
import type { StoredRecord } from "./store.ts";
import { bestPeers, capacityOf, cellsOf, medianOf, ofKind } from "./summary.ts";
import type { Cell } from "./summary.ts";

// Differences below this are the noise of one run.
const noticeable = 0.005;
const minuteChars = "2026-01-31T12:00".length;
const row1 = { model: "mlp-25m", rows: 1, deadlineMs };
const rowInputs = [{ name: "x", datatype: "FP32", rowShape: benchModels["mlp-25m"].rowShape }];
const mixedRatioAim = 1.4;
const listed = new Intl.ListFormat("en-GB");

function share(value: number): string {
  return value.toFixed(3);
}

function figure(value: number | undefined): string {
  return value === undefined ? "–" : readable(value);
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  return [row(head), `|${head.map((_, i) => (i === 0 ? "---" : "---:")).join("|")}|`, ...rows.map(row), ""];
}

function goodputText(cell: Cell | undefined): string {
  if (cell === undefined) return "";
  const spread = cell.records.length > 1 ? ` (${share(cell.lowest)}–${share(cell.highest)})` : "";
  return `${share(cell.goodput)}${spread}${cell.doubtful ? " ?" : ""}${cell.capacityUnknown ? " capacity unknown" : ""}`;
}

function goodputTable(measured: readonly Peer[], cells: readonly Cell[]): readonly string[] {
  const shown = points.filter(({ name }) => cells.some(({ point }) => point === name));
  const ceilings = shown.map(({ load, of }) => (of === "own" ? share(Math.min(1, 1 / load)) : "own capacity / rate"));
  const rows = measured.map(({ name, title }) => [
    title,
    ...shown.map(({ name: point }) => goodputText(cells.find((cell) => cell.peer === name && cell.point === point))),
  ]);
  return table(["goodput", ...shown.map(({ title }) => title)], [["what capacity allows", ...ceilings], ...rows]);
}

function comparisonLines(cells: readonly Cell[]): readonly string[] {
  const all = bestPeers(cells);
  const lines = all.map(({ point, peer, peerGoodput, ourGoodput, doubtful }) => {
    const { title } = points.find(({ name }) => name === point)!;
    const ahead =
      peerGoodput - ourGoodput > noticeable ? "**the peer is ahead**" : ourGoodput - peerGoodput > noticeable ? "predictd" : "even";
    return [title, share(ourGoodput), `${peer} ${share(peerGoodput)}`, figure(ourGoodput / peerGoodput), doubtful ? "in doubt" : ahead];
  });
  const mixed = all.find(({ point }) => point === "poisson-1.3-mixed");
  const ratio = mixed === undefined ? Number.NaN : mixed.ourGoodput / mixed.peerGoodput;
  const aim =
    mixed === undefined
      ? []
      : [`At 1.3 × with two deadlines: ${figure(ratio)} × the best peer (${mixed.peer}); the aim is ${mixedRatioAim} ×.`, ""];
  return [...table(["point", "predictd", "best peer", "predictd / peer", "ahead"], lines), ...aim];
}

function detailRows(cells: readonly Cell[]): readonly (readonly string[])[] {
  return points.flatMap(({ name, title }) =>
    cells
      .filter(({ point }) => point === name)
      .map(({ peer, records }) => [
        title,
        peer,
        figure(medianOf(records, ({ rate }) => rate)),
        share(medianOf(records, ({ result }) => result.lateShare) ?? Number.NaN),
        share(medianOf(records, ({ result }) => result.refused / result.offered) ?? Number.NaN),
        figure(medianOf(records, ({ result }) => result.refusals?.ms.p50)),
        figure(medianOf(records, ({ result }) => result.latencyMs?.p50)),
        figure(medianOf(records, ({ result }) => result.latencyMs?.p99)),
        figure(medianOf(records, ({ result }) => result.meanBatch)),
        figure(medianOf(records, ({ cpuUsPerCall }) => cpuUsPerCall)),
        records.some(({ hung }) => hung) ? "yes" : "",
      ]),
  );
}

function configurationTable(records: readonly StoredRecord[], measured: readonly Peer[]): readonly string[] {
  const rows = measured.map(({ name, title, protocol, configuration, capacityOf: source = name }) => {
    const own = ofKind(records, "capacity").filter(({ peer }) => peer === source);
    const startMs = medianOf(own, (record) => record.startMs);
    const generator = medianOf(own, ({ generatorCpuShare }) => generatorCpuShare);
    return [title, protocol, figure(capacityOf(records, source)), figure(generator), figure((startMs ?? Number.NaN) / 1000), configuration];
  });
  return table(["server", "protocol", "capacity, rows/s", "generator's share of its core", "start, s", "configuration"], rows);
}

/** When and from which commits the measurements are. */
function originText(records: readonly StoredRecord[]): string {
  const measured = records.filter(({ kind }) => kind === "capacity" || kind === "point");
  const times = measured.map(({ at }) => at.slice(0, minuteChars).replace("T", " ")).toSorted();
  const commits = [...new Set(measured.map(({ commit }) => commit))].toSorted();
  return `Measured from ${times[0] ?? "unknown"} to ${times.at(-1) ?? "unknown"} UTC at ${commits.length === 1 ? "commit" : "commits"} ${listed.format(commits)}.`;
}

function kilobytes({ length }: Uint8Array): string {
  return `${readable(length / 1000)} KB`;
}

/** Who is measured at some points only, however it does there. */
function fewPointsLines(): readonly string[] {
  const groups = Map.groupBy(peers, ({ onlyPoints }) => onlyPoints?.join());
  return [...groups.values()].flatMap((group) => {
    const { onlyPoints } = group[0]!;
    if (onlyPoints === undefined) return [];
    const titles = points.flatMap(({ name, title }) => (onlyPoints.includes(name) ? `“${title}”` : []));
    return `${listed.format(group.map(({ title }) => title))} ${group.length === 1 ? "is" : "are"} measured at ${listed.format(titles)} only.`;
  });
}

function absentLines(records: readonly StoredRecord[], measured: readonly Peer[]): readonly string[] {
  const failures = ofKind(records, "failure");
  return peers
    .filter((peer) => !measured.includes(peer))
    .map(({ name, title }) => {
      const reason = failures.find(({ peer }) => peer === name)?.reason.split("\n", 1)[0] ?? "not asked for";
      return `- ${title}: not measured: ${reason}`;
    });
}

/** The page. @param command how the comparison was called. @param commit of the code. */
export function renderPeers(records: readonly StoredRecord[], command: string, commit: string): string {
  const cells = cellsOf(records);
  const measured = peers.filter(({ name }) => cells.some(({ peer }) => peer === name));
  const [comparison] = ofKind(records, "comparison");
  if (comparison === undefined) throw new Error("There is nothing to show.");
  const rounds = new Set(ofKind(records, "point").map(({ round }) => round)).size;
  const absent = absentLines(records, measured);
  return [
    "# predictd beside other servers",
    "",
    `Written by \`${command}\` at commit ${commit}. ${originText(records)}`,
    `Machine: ${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}.`,
    "",
    "Every server gets the same ONNX file (25 million weights), onnxruntime 1.30, one instance with one thread, batches of at most",
    `${comparison.maxBatch} rows, and one core for all its processes; the generator has the other. All meet the same arrivals in turns, ${rounds} ${rounds === 1 ? "round" : "rounds"} of`,
    `${comparison.seconds} s a point, at multiples of their own measured capacity and once at the same rate. The deadline is ${deadlineMs} ms unless two are named, half of the`,
    "calls each; it travels as gRPC deadline, and callers leave when it has passed. A bare run of a full batch takes",
    `${readable(comparison.fullBatchMs)} ms here. Goodput is the share of the offered calls that were answered OK in time, from the scheduled time on; the`,
    "median of the rounds and, in brackets, lowest and highest. A `?` marks points where the generator was too slow in every try of a round.",
    `“Capacity unknown”: more than ${100 * maxFailureShare} % of the calls failed while it was measured, or goodput lies more than ${maxAboveCeiling} above what it allows; such`,
    "points are kept out of “who is ahead”.",
    ...fewPointsLines(),
    `A row is ${kilobytes(inferMessage(row1, rowInputs))} in gRPC, its numbers as raw bytes, and ${kilobytes(plainJson(row1, rowInputs, false))} in JSON, which its server has to read.`,
    "",
    "## In time",
    "",
    ...goodputTable(measured, cells),
    "## Who is ahead",
    "",
    ...comparisonLines(cells),
    "## Details",
    "",
    "Medians over the rounds. Late: answered late or not at all. Refusal: from the scheduled time to the refusal, median. Hung: did not answer",
    "within 30 s after the point and was started anew.",
    "",
    ...table(
      [
        "point",
        "server",
        "calls/s",
        "late",
        "refused",
        "refusal, ms",
        "p50, ms",
        "p99, ms",
        "rows per run",
        "server CPU per call, µs",
        "hung",
      ],
      detailRows(cells),
    ),
    "## Configurations",
    "",
    `Every server runs with the C library's large pages (\`${Object.entries(largePages)[0]!.join("=")}\`), as predictd does by \`npm start\`.`,
    "",
    ...configurationTable(records, measured),
    ...(absent.length === 0 ? [] : ["## Not measured", "", ...absent, ""]),
  ].join("\n");
}
