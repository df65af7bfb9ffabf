// Counts the users of a version and tells when the last one has gone.

import type { Leases } from "../predict/servable.ts";

/** The leases of one version. */
export class Lease implements Leases {
  #count = 0;
  #onFree: (() => void) | undefined;

  take(): void {
    this.#count++;
  }

  give(): void {
    if (--this.#count === 0) this.#onFree?.();
    if (this.#count < 0) throw new Error("A lease was given back twice. This is a bug.");
  }

  /** Resolves when nobody holds the version. New leases must not be taken then by anyone who holds none. */
  free(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#count === 0) resolve();
      else this.#onFree = resolve;
    });
  }
}
