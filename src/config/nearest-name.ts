// Which known name somebody may have meant.

const MAX_COMPARED_CHARS = 64;

const MIN_PREFIX_CHARS = 3;

/** The known name that differs least from the given one, or begins with it, upper and lower case being equal; undefined when none is near. */
export function nearestName(given: string, known: readonly string[]): string | undefined {
  const wanted = given.slice(0, MAX_COMPARED_CHARS).toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const name of known) {
    const candidate = name.toLowerCase();
    const distance = wanted.length >= MIN_PREFIX_CHARS && candidate.startsWith(wanted) ? 1 : editDistance(wanted, candidate);
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
