// Turns: how many batches in a row one model may run while others are ready.

/** Batches that one may run one after the other while others wait, however urgent its work is. */
const MAX_TURNS = 4;

/** Counts for one place where models take turns. */
export class Turns<User extends WeakKey> {
  #last: User | undefined;
  #count = 0;
  /** When each was served while others waited, as a number that grows. */
  readonly #servedAt = new WeakMap<User, number>();
  #served = 0;

  /** Who has had its turns, and goes next only when nobody else is ready; undefined for nobody. */
  get resting(): User | undefined {
    return this.#count >= MAX_TURNS ? this.#last : undefined;
  }

  /** Somebody takes a turn. @param contended whether others wait. */
  took(user: User, contended: boolean): void {
    this.#count = contended && user === this.#last ? this.#count + 1 : 1;
    this.#last = user;
    if (contended) this.#servedAt.set(user, ++this.#served);
  }

  /**
   * Whether one goes before the other while somebody rests: who was served longest ago. The more urgent ones would rest in turn otherwise,
   * and the least urgent never go.
   */
  isBefore(a: User, b: User): boolean {
    return (this.#servedAt.get(a) ?? 0) < (this.#servedAt.get(b) ?? 0);
  }
}
