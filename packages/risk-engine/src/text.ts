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

/** 64 bits of a text in 13 characters or fewer. Not cryptographic: equal texts meet, and nothing can be read from it. */
export function fingerprint(text: string): string {
  return hash32(text, 0x811c9dc5).toString(36) + hash32(text, 0x9e3779b9).toString(36);
}

/** 32 bits of a text: FNV-1a from a start value, mixed at the end so that neighbours part. */
export function hash32(text: string, start: number): number {
  let hash = start | 0;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
