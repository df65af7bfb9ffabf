// How a message shows a value or a place that somebody else wrote: short, on one line, without control characters.

const MAX_SHOWN_CHARS = 60;

/** Text in quotes, cut after `maxChars` (60 by default), everything outside printable ASCII escaped. */
export function quote(text: string, maxChars = MAX_SHOWN_CHARS): string {
  const cut = text.length > maxChars ? `${text.slice(0, maxChars)}…` : text;
  return JSON.stringify(cut).replace(/[^ -~…]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A value in a message. Lists and mappings are named, not printed. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return "a list";
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "a mapping";
}

/** A place in a document, e.g. `inputs[1].name`. */
export function showPath(path: readonly unknown[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else {
      const plain = typeof part === "string" && /^\w[\w-]{0,63}$/.test(part);
      text += `${text === "" ? "" : "."}${plain ? part : show(part)}`;
    }
  }
  return text;
}
