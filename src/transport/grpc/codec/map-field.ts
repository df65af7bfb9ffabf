// Map fields of requests that are not hot, by hand: the generated code makes millions of objects of a large one and loses the key `__proto__`.

import { DecodeError } from "./reader.ts";
import type { Reader } from "./reader.ts";

/** Most entries of one map. */
const MAX_ENTRIES = 1024;

const NONE = Buffer.alloc(0);

/** Collects the entries of one map; of several with one key the last wins. */
export class MapField<Value> {
  readonly values = new Map<string, Value>();
  readonly #decodeValue: (bytes: Buffer) => Value;
  #entries = 0;

  /** @param decodeValue gets a view of the value; an empty one where the entry has none, as some clients leave empty values out. */
  constructor(decodeValue: (bytes: Buffer) => Value) {
    this.#decodeValue = decodeValue;
  }

  /** Reads one entry. @throws DecodeError. */
  read(reader: Reader): void {
    if (this.#entries++ === MAX_ENTRIES) throw new DecodeError(`A map has more than ${MAX_ENTRIES} entries.`);
    const outerEnd = reader.end;
    reader.end = reader.length() + reader.at;
    let key = "";
    let value: Buffer = NONE;
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === 0x0a) key = reader.string();
      else if (tag === 0x12) value = reader.bytes();
      else reader.skip(tag);
    }
    reader.end = outerEnd;
    this.values.set(key, this.#decodeValue(value));
  }
}
