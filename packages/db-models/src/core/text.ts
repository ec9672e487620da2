import { z } from "zod";

const surrogate = /\p{Surrogate}/u;
const surrogates = /\p{Surrogate}/gu;

/** True for text without lone surrogates: UTF-8 has no bytes for those, so different texts would be stored as one. */
export function isWellFormed(text: string): boolean {
  return !surrogate.test(text);
}

/**
 * Control characters, line breaks, and characters that turn around what is written behind them, also outside the text: those
 * of explicit formatting (UAX #9 section 2), whose scope a caller need not close. Marks of direction and joiners, which
 * names of many scripts need, are none of these. Noncharacters are for nobody's text.
 */
const unruly = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069\p{Noncharacter_Code_Point}]/u;
/** Beside spaces: what Unicode says is drawn as nothing, and the Braille pattern without a dot. */
const seen = /[^\s\p{Default_Ignorable_Code_Point}\u2800]/u;

/** True for text that stays on its line, and in its direction. */
export function isOneLine(text: string): boolean {
  return !unruly.test(text);
}

/** True for text of which a reader sees anything at all. */
export function showsSomething(text: string): boolean {
  return seen.test(text);
}

/** Whether a text has one of these ids in it, in either case. */
export function namesAny(text: string, ids: readonly ({ toHexString(): string } | undefined)[]): boolean {
  const lower = text.toLowerCase();
  return ids.some((id) => id !== undefined && lower.includes(id.toHexString()));
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
  if (text.length <= maxLength && isWellFormed(text)) return text;
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
