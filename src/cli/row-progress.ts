// A progress bar over the rows of a file, on a terminal only.

import { Presets, SingleBar } from "cli-progress";
import type { Output } from "./terminal.ts";

/** Shows how far a file has been answered. */
export interface RowProgress {
  /** @param done share of the file, 0 to 1. */
  update(rows: number, done: number): void;
  /** Writes a line that stays. */
  note(text: string): void;
  /** Takes the bar away. */
  stop(): void;
}

/** On a terminal a bar, else only notes. */
export function createRowProgress(output: Output): RowProgress {
  const bar = new SingleBar(
    { stream: output, format: "{bar} {percentage}% · {rows} rows", clearOnComplete: true, hideCursor: true, noTTYOutput: false },
    Presets.shades_classic,
  );
  // SingleBar draws nothing where the stream is no terminal.
  bar.start(1000, 0, { rows: 0 });
  return {
    update: (rows, done) => bar.update(Math.round(done * 1000), { rows }),
    note(text) {
      output.write(`${text}\n`);
    },
    stop: () => bar.stop(),
  };
}
