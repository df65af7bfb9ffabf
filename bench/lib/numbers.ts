// Small statistics over rounds.

/** The median; of an even count the mean of the two middle values, of none NaN. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** `12,345` from 10 on, else three significant digits. */
export function readable(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return value >= 100
    ? value.toFixed(0)
    : value
        .toPrecision(3)
        .replace(/(\.\d*?)0+$/, "$1")
        .replace(/\.$/, "");
}

/** Number, lowest and highest of the rounds, as text. */
export function spread(values: readonly number[]): string {
  return values.length < 2
    ? `${values.length === 0 ? "no" : "one"} round`
    : `${values.length} rounds ${readable(Math.min(...values))}–${readable(Math.max(...values))}`;
}
