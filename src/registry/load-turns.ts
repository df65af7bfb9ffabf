// Keeps sweeps apart from each other and from loads: what is measured beside a load measures the load.

/** Loads go on whenever they like; a sweep waits until nothing loads and no other sweep goes on. */
export class LoadTurns {
  #loads = 0;
  readonly #waiting: (() => void)[] = [];
  #sweeps: Promise<unknown> = Promise.resolve();

  /** Runs a load at once. */
  async load<T>(work: () => Promise<T>): Promise<T> {
    this.#loads++;
    try {
      return await work();
    } finally {
      this.#loads--;
      if (this.#loads === 0) for (const go of this.#waiting.splice(0)) go();
    }
  }

  /** Runs a sweep in its turn. A load that begins later does not wait for it. */
  async sweep<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#sweeps.then(async () => {
      // Loads of the same moment count as begun.
      await new Promise(setImmediate);
      while (this.#loads > 0) await new Promise<void>((go) => this.#waiting.push(go));
      return work();
    });
    this.#sweeps = turn.catch(() => {});
    return turn;
  }
}
