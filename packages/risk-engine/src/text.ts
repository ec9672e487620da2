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
  return isClean(cut) ? cut : cut.replace(unsafe, "?").trim() || undefined;
}

/** Whether a text is as {@link cleanText} leaves it. Nearly every one is, and a loop is quicker than an expression. */
function isClean(text: string): boolean {
  if (text.charCodeAt(0) === 32 || text.charCodeAt(text.length - 1) === 32) return false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 32 || code > 126 || code === 34 || code === 92) return false;
  }
  return true;
}

/**
 * 64 bits of a text in 14 characters or fewer: two hashes of 32 bits in one pass, FNV-1a and the same with another prime.
 * Not cryptographic: equal texts meet, and nothing can be read from it.
 */
export function fingerprint(text: string): string {
  let a = 0x811c9dc5 | 0;
  let b = 0x9e3779b9 | 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b);
  }
  return base36(mixed(a)) + base36(mixed(b));
}

const digits = "0123456789abcdefghijklmnopqrstuvwxyz";
const pairs = Array.from(
  { length: 1_296 },
  (_, pair) => `${digits[Math.trunc(pair / 36)]}${digits[pair % 36]}`,
);

/** 32 bits in base 36, as `toString(36)` writes them, which is slow. */
function base36(value: number): string {
  let text = "";
  let rest = value;
  for (; rest >= 1_296; rest = Math.trunc(rest / 1_296)) text = pairs[rest % 1_296] + text;
  return (rest < 36 ? (digits[rest] as string) : (pairs[rest] as string)) + text;
}

/** 0 to 9. */
export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** Whether a character separates the parts of a version: a dot, or an underscore. */
export function isDot(code: number): boolean {
  return code === 46 || code === 95;
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
