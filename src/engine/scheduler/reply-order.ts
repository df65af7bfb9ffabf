// Answers that leave in the order in which their requests were let in.

import type { Call } from "../../call.ts";
import type { ServiceError } from "../../errors.ts";

/** How a caller is answered. */
export interface Reply<T> {
  readonly resolve: (result: T) => void;
  readonly reject: (error: ServiceError) => void;
}

/** A request that was let in; `send` is set once its answer is there. */
interface Place {
  send: (() => void) | undefined;
}

/**
 * Holds answers, failures included, until everybody who was let in before has been answered. A call that is aborted, because its deadline
 * has passed or its caller is gone, is answered at that moment: nobody is there any more for whom the order could matter.
 */
export class ReplyOrder<T> {
  /** Without an answer, or behind one without; in the order of arrival. */
  readonly #places = new Set<Place>();

  /** Takes a place at the end. @returns what to answer with. */
  enter(call: Call, reply: Reply<T>): Reply<T> {
    const place: Place = { send: undefined };
    this.#places.add(place);
    const answer = (send: () => void): void => {
      if (call.isAborted) {
        this.#leave(place, send);
        return;
      }
      place.send = send;
      call.onAbort((error) => this.#leave(place, () => reply.reject(error)));
      this.#sendInOrder();
    };
    return {
      resolve: (result) =>
        answer(() => {
          call.onAbort(undefined);
          reply.resolve(result);
        }),
      reject: (error) =>
        answer(() => {
          call.onAbort(undefined);
          reply.reject(error);
        }),
    };
  }

  #leave(place: Place, send: () => void): void {
    if (!this.#places.delete(place)) return;
    send();
    this.#sendInOrder();
  }

  #sendInOrder(): void {
    for (const place of this.#places) {
      if (place.send === undefined) return;
      this.#places.delete(place);
      place.send();
    }
  }
}
