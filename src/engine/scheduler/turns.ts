// Turns: how many batches in a row one model may run while others are ready.

/** Batches that one may run one after the other while others wait, however urgent its work is. */
const MAX_TURNS = 4;

/** Counts for one place where models take turns. */
export class Turns<User> {
  #last: User | undefined;
  #count = 0;

  /** Who has had its turns, and goes next only when nobody else is ready; undefined for nobody. */
  get resting(): User | undefined {
    return this.#count >= MAX_TURNS ? this.#last : undefined;
  }

  /** Somebody takes a turn. @param contended whether others wait. */
  took(user: User, contended: boolean): void {
    this.#count = contended && user === this.#last ? this.#count + 1 : 1;
    this.#last = user;
  }
}
