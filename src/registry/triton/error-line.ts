// Finds the line of a parser's error, for a parser that does not tell.

/** Longer texts are not searched: each look costs a whole parse. */
const MAX_SEARCHED_CHARS = 131_072;

/**
 * Parses ever fewer lines until the error changes: a parser that reads from the front fails in the same way exactly as long as the bad
 * line is there.
 * @returns e.g. `line 3: `; "" where the end of the text is what is wrong, and for a text of more than 131072 characters.
 */
export function errorLine(text: string, error: unknown, parse: (text: string) => unknown): string {
  const wanted = messageOf(error);
  if (wanted.startsWith("unexpected end of input") || text.length > MAX_SEARCHED_CHARS) return "";
  const ends = [...text.matchAll(/\n/g)].map(({ index }) => index + 1);
  const fails = (lines: number): boolean => {
    try {
      parse(text.slice(0, ends[lines - 1] ?? text.length));
      return false;
    } catch (other) {
      return messageOf(other) === wanted;
    }
  };
  let good = 0;
  let bad = ends.length + 1;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (fails(middle)) bad = middle;
    else good = middle;
  }
  return `line ${bad}: `;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
