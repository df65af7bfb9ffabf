// A progress bar over a sweep, on a terminal only.

import { Presets, SingleBar } from "cli-progress";
import type { Output } from "../terminal.ts";

/** Shows how far a sweep is. */
export interface TuneProgress {
  /** @param share what is done, 0 to 1. */
  readonly update: (share: number, trying: { readonly instances: number; readonly intraOpThreads: number }) => void;
  /** Takes the bar away. */
  stop(): void;
}

/** On a terminal a bar, else nothing. */
export function createTuneProgress(output: Output): TuneProgress {
  const bar = new SingleBar(
    { stream: output, format: "{bar} {percentage}% · {trying}", clearOnComplete: true, hideCursor: true, noTTYOutput: false },
    Presets.shades_classic,
  );
  // SingleBar draws nothing where the stream is no terminal.
  bar.start(1000, 0, { trying: "" });
  return {
    update: (share, { instances, intraOpThreads }) =>
      bar.update(Math.round(share * 1000), { trying: `${instances} instances × ${intraOpThreads} threads` }),
    stop: () => bar.stop(),
  };
}
