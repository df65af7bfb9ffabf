// Shows how models load: a bar on a terminal, lines anywhere else.

import { MultiBar, Presets } from "cli-progress";
import type { ModelView, VersionView } from "../../registry/view.ts";
import type { LogDestination } from "../../telemetry/logger.ts";
import type { Terminal } from "../terminal.ts";

/** The progress of one start. */
export interface LoadProgress {
  /** Where the log may write on a terminal without tearing the bar. */
  readonly logDestination: LogDestination;
  /** Takes in what is known about a model now. */
  readonly update: (model: ModelView) => void;
  /** Takes the bar away; nothing is shown from then on. */
  stop(): void;
}

/** Progress on stderr where it is a terminal, else lines on stdout: stderr then belongs to the log. */
export function createLoadProgress({ stdout, stderr }: Pick<Terminal, "stdout" | "stderr">): LoadProgress {
  const settled = new Map<string, boolean>();
  const bars = stderr.isTTY
    ? new MultiBar(
        { stream: stderr, format: "{bar} {value}/{total} {name}", clearOnComplete: true, hideCursor: true },
        Presets.shades_classic,
      )
    : undefined;
  const bar = bars?.create(1, 0, { name: "" });
  let isStopped = false;

  return {
    logDestination: {
      isTTY: true,
      write(line) {
        if (bars === undefined || isStopped) stderr.write(line);
        else bars.log(line);
      },
    },
    update(model) {
      if (isStopped) return;
      for (const version of model.versions) {
        const key = `${model.name} ${version.version}`;
        const isSettled = version.state !== "loading" && version.state !== "warming";
        if (isSettled && !settled.get(key) && bars === undefined) stdout.write(`${settledLine(key, version)}\n`);
        settled.set(key, isSettled);
        bar?.update({ name: isSettled ? "" : `${version.state} ${key}` });
      }
      if (model.versions.length === 0 && model.problem !== "") {
        if (!settled.has(model.name) && bars === undefined) stdout.write(`failed  ${model.name}: ${model.problem}\n`);
        settled.set(model.name, true);
      }
      bar?.setTotal(settled.size);
      bar?.update([...settled.values()].filter(Boolean).length);
    },
    stop() {
      if (isStopped) return;
      // Log lines wait for the next drawing of the bar, and stop() would drop them.
      bars?.update();
      bars?.stop();
      isStopped = true;
    },
  };
}

function settledLine(key: string, { state, reason }: VersionView): string {
  return `${state.padEnd(6)}  ${key}${reason === "" ? "" : `: ${reason}`}`;
}
