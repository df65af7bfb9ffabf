import { expect, test } from "@jest/globals";
import * as fc from "fast-check";
import type { Bagged } from "../../src/lib/bag.ts";
import { Bag } from "../../src/lib/bag.ts";

test("property: it holds what a Set would hold", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(20))), (steps) => {
      const items: Bagged[] = Array.from({ length: 21 }, () => ({ bagIndex: -1 }));
      const bag = new Bag<Bagged>();
      const set = new Set<Bagged>();
      for (const [add, index] of steps) {
        const item = items[index]!;
        if (!add) {
          bag.delete(item);
          set.delete(item);
        } else if (!set.has(item)) {
          bag.add(item);
          set.add(item);
        }
        expect(new Set(bag.toArray())).toEqual(set);
        expect(bag.size).toBe(set.size);
      }
    }),
  );
});
