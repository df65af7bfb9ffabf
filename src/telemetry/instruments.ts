// Every instrument in one list: plain counters and histograms, bound before the hot path and read when somebody asks.

/** A histogram with fixed bounds; recording is a few comparisons and no allocation. */
export class Histogram {
  /** Upper bounds of all buckets but the last, ascending. */
  readonly bounds: readonly number[];
  /** Counts by bucket, one more than there are bounds. */
  readonly counts: number[];
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from<number>({ length: bounds.length + 1 }).fill(0);
  }

  /** Adds one value. */
  record(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > this.bounds[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sum += value;
    this.count++;
  }
}

/** Counters of the data path, in bytes unless named otherwise. Written by assignment, as that is the cheapest way there is. */
export const hotCounters = {
  /** Message bytes joined from several frames; a message within one frame is not copied. */
  reassemblyBytesCopied: 0,
  /** Tensor bytes copied into batch memory. */
  slotBytesCopied: 0,
  /** Of those, the bytes that went through the aligned stage. */
  stageBytesCopied: 0,
  /** Response bytes written. */
  responseBytesCopied: 0,
};

/** Bounds of time histograms in milliseconds: 0.1 ms to 10 s. */
export const TIME_BOUNDS_MS: readonly number[] = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

/** Bounds of batch sizes in rows. */
export const ROW_BOUNDS: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/** The instruments of one model version. */
export interface VersionInstruments {
  /** Requests answered. */
  okCount: number;
  /** Of those, the ones whose deadline had passed by then; what is left is the goodput. */
  lateCount: number;
  /** Requests that ended with an error, whatever its reason. */
  errorCount: number;
  /** Of those, the ones that were valid: they failed in the queue or in the run. */
  failCount: number;
  /** Time of the failed ones, all together, in milliseconds. */
  failMs: number;
  /** Rows answered. */
  rowCount: number;
  /** Assembling batches, of all answered requests together, in milliseconds. */
  batchMs: number;
  /** From the end of the run to the outputs, of all answered requests together, in milliseconds. */
  postprocessMs: number;
  /** When the last valid request came, in milliseconds since the epoch; 0 for never. */
  lastRequestAt: number;
  readonly queueMs: Histogram;
  readonly runMs: Histogram;
  readonly totalMs: Histogram;
  /** Time of valid requests until they were refused or dropped, whatever the reason. */
  readonly rejectMs: Histogram;
  readonly batchRows: Histogram;
}

/** Makes the instruments of one model version. */
export function createVersionInstruments(): VersionInstruments {
  return {
    okCount: 0,
    lateCount: 0,
    errorCount: 0,
    failCount: 0,
    failMs: 0,
    rowCount: 0,
    batchMs: 0,
    postprocessMs: 0,
    lastRequestAt: 0,
    queueMs: new Histogram(TIME_BOUNDS_MS),
    runMs: new Histogram(TIME_BOUNDS_MS),
    totalMs: new Histogram(TIME_BOUNDS_MS),
    rejectMs: new Histogram(TIME_BOUNDS_MS),
    batchRows: new Histogram(ROW_BOUNDS),
  };
}
