import { createHash } from "node:crypto";
import { commonPasswords } from "./common-list.js";

const { bytes } = commonPasswords;
const sorted = Buffer.from(commonPasswords.hashes, "base64");

/**
 * Whether a folded password, or what is left of it without a tail of digits and signs, is among the most common ones.
 *
 * Source: OWASP ASVS 5.0, 6.2.4.
 */
export function isCommon(folded: string): boolean {
  return isListed(folded) || isListed(folded.replace(/[^\p{L}]+$/u, ""));
}

function isListed(password: string): boolean {
  const wanted = createHash("sha256").update(password).digest().subarray(0, bytes);
  let from = 0;
  let to = sorted.length / bytes;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const order = wanted.compare(sorted, middle * bytes, (middle + 1) * bytes);
    if (order === 0) return true;
    if (order < 0) to = middle;
    else from = middle + 1;
  }
  return false;
}
