const unsafe = /[^\x20-\x7e]|["\\]/g;

/**
 * A value as it is compared and kept: printable ASCII without quotes, so that each character is one byte of JSON.
 * `undefined` for what is no text, or empty.
 */
export function cleanText(value: unknown, maxLength: number): string | undefined {
  if (typeof value === "number")
    return Number.isFinite(value) ? String(value).slice(0, maxLength) : undefined;
  if (typeof value !== "string" || value === "") return undefined;
  const cut = value.length > maxLength ? value.slice(0, maxLength) : value;
  return cut.replace(unsafe, "?").trim() || undefined;
}

/** Two running hashes of 32 bits: FNV-1a, and the same with another prime. */
export interface RunningHash {
  a: number;
  b: number;
}

export function startHash(): RunningHash {
  return { a: 0x811c9dc5 | 0, b: 0x9e3779b9 | 0 };
}

/** Takes up one character. */
export function addToHash(hash: RunningHash, code: number): void {
  hash.a = Math.imul(hash.a ^ code, 0x01000193);
  hash.b = Math.imul(hash.b ^ code, 0x85ebca6b);
}

/** 64 bits in 14 characters or fewer. Not cryptographic: equal texts meet, and nothing can be read from it. */
export function textOfHash({ a, b }: RunningHash): string {
  return mixed(a).toString(36) + mixed(b).toString(36);
}

/** {@link textOfHash} of a whole text. */
export function fingerprint(text: string): string {
  const hash = startHash();
  for (let index = 0; index < text.length; index++) addToHash(hash, text.charCodeAt(index));
  return textOfHash(hash);
}

/** 32 bits of a text, from a start value. */
export function hash32(text: string, start: number): number {
  let hash = start | 0;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mixed(hash);
}

// Neighbours part: every bit of the sum reaches every bit of the result.
function mixed(sum: number): number {
  let hash = Math.imul(sum ^ (sum >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
