// Decodes HPACK's Huffman code (RFC 7541, appendix B) for the characters that gRPC metadata may hold.

// The code is canonical: within a length codes count upwards in the order of the characters, and the first code of a length follows
// from the counts of the shorter ones. Hence this list by length is the whole table. Characters outside printable ASCII are left out.
const byLength: readonly (readonly [bits: number, characters: string])[] = [
  [5, "012aceiost"],
  [6, " %-./3456789=A_bdfghlmnpru"],
  [7, ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"],
  [8, "&*,;XZ"],
  [10, '!"()?'],
  [11, "'+|"],
  [12, "#>"],
  [13, "\0$@[]~"],
  [14, "^}"],
  [15, "<`{"],
  [19, "\\"],
];

// Index: 1 in front of the code's bits, so that codes of different lengths never meet.
const charByCode = new Map<number, number>();
let nextCode = 0;
let lastBits = 0;
for (const [bits, characters] of byLength) {
  nextCode <<= bits - lastBits;
  lastBits = bits;
  for (const character of characters) charByCode.set((1 << bits) | nextCode++, character.charCodeAt(0));
}
const maxBits = 19;

/** Text of a Huffman-coded string; undefined when it holds anything but printable ASCII. */
export function huffmanText(bytes: Uint8Array): string | undefined {
  const text: number[] = [];
  let code = 1;
  let bits = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = (code << 1) | ((byte >> bit) & 1);
      const character = ++bits < 5 ? undefined : charByCode.get(code);
      if (character !== undefined) {
        text.push(character);
        code = 1;
        bits = 0;
      } else if (bits > maxBits) return undefined;
    }
  }
  // What is left is padding: fewer than 8 bits, all ones.
  if (bits > 7 || code !== (1 << (bits + 1)) - 1) return undefined;
  return String.fromCharCode(...text);
}
