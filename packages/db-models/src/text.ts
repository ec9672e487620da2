import { z } from "zod";

const surrogate = /\p{Surrogate}/u;
const surrogates = /\p{Surrogate}/gu;

/** True for text without lone surrogates: UTF-8 has no bytes for those, so different texts would be stored as one. */
export function isWellFormed(text: string): boolean {
  return !surrogate.test(text);
}

/** Length in code points of the NFC form: what every limit of a text counts, whichever way it was typed. */
export function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text.normalize("NFC")) length += 1;
  return length;
}

/**
 * Text for places that must keep what they are given and may not refuse it: a lone surrogate becomes its escape
 * (`\ud800`), and the cut falls between two code points.
 */
export function storableText(text: string, maxLength: number): string {
  // Cut before it is read whole: a code point has at most two units.
  const escaped = text
    .slice(0, 2 * maxLength)
    .replace(surrogates, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
  const codePoints = [...escaped];
  return codePoints.length <= maxLength ? escaped : codePoints.slice(0, maxLength).join("");
}

/** Text of a caller: well-formed, and of a length that {@link lengthOf} counts. */
export const textSchema = ({ min = 0, max }: { min?: number; max: number }) =>
  z
    .string()
    .refine(isWellFormed, "must be well-formed Unicode")
    .refine((text) => lengthOf(text) >= min, `must have at least ${min} characters`)
    .refine((text) => lengthOf(text) <= max, `must have at most ${max} characters`)
    // For JSON Schema, which counts code points as well.
    .meta({ ...(min > 0 && { minLength: min }), maxLength: max });
