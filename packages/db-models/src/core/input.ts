import { Types } from "mongoose";
import { z } from "zod";
import { IdentityError } from "./errors.js";
import { limits } from "./limits.js";
import { canonicalRange } from "./network.js";
import { isOneLine, showsSomething, textSchema } from "./text.js";

// Patterns for the JSON Schema of transformed text: `x.pipe()` and `transform` hide the rules from the document.
const unruly = "\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069\\ufdd0-\\ufdef\\ufffe\\uffff";
const refused = `\\u0000-\\u001f${unruly}`;
const refusedInLines = `\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f${unruly}`;
const unseen =
  "\\s\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2060-\\u206f\\u2800\\u3164";
const unseenForms = "\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufff8";

// With two characters that are seen, and enough between them, as many are left when the text is trimmed.
function oneLine(min: number, without: string): string {
  const any = `[^${refused}${without}]`;
  const shown = `[^${refused}${unseen}${unseenForms}${without}]`;
  return `^${any}*${shown}${min > 1 ? `${any}{${min - 2},}${shown}` : ""}${any}*$`;
}

/** What a line of text must be besides. */
export interface LineRules {
  /** Least length. Default: 1. */
  readonly min?: number;
  /** A character that it must not contain. Default: none. */
  readonly without?: string;
}

/**
 * One line of text that people see: trimmed, NFC, well-formed, without control characters, and with something to see.
 */
export const printable = (max: number, { min = 1, without = "" }: LineRules = {}) =>
  z
    .string()
    .trim()
    .normalize()
    .pipe(textSchema({ min, max }))
    .refine(isOneLine, "must not contain control characters")
    .refine(showsSomething, "must show something")
    .refine((text) => without === "" || !text.includes(without), `must not contain ${without}`)
    .meta({ minLength: min, maxLength: max, pattern: oneLine(min, without) });

/** Text of several lines: what {@link printable} refuses, but for tabs and line breaks; it may be empty. */
export const printableLines = (max: number) =>
  z
    .string()
    .trim()
    .normalize()
    .pipe(textSchema({ max }))
    .refine((text) => isOneLine(text.replace(/[\t\r\n]/g, " ")), "must not contain control characters")
    .meta({ maxLength: max, pattern: `^[^${refusedInLines}]*$` });

const octet = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const group = "[0-9A-Fa-f]{1,4}";
const ipv6 = [
  `(${group}:){7}${group}`,
  `(${group}:){1,7}:`,
  ...[1, 2, 3, 4, 5, 6].map((after) => `(${group}:){1,${7 - after}}(:${group}){1,${after}}`),
  `:((:${group}){1,7}|:)`,
].join("|");
const rangePattern = `^((${octet}\\.){3}${octet}(/(3[0-2]|[12]?[0-9]))?|(${ipv6})(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?)$`;

/** An address or a CIDR range, which becomes its canonical text. */
export const rangeSchema = z
  .string()
  .max(limits.cidr)
  .transform((range, context) => {
    const canonical = canonicalRange(range);
    if (canonical) return canonical;
    context.addIssue({ code: "custom", message: "must be an address or a CIDR range in canonical form" });
    return z.NEVER;
  })
  .meta({
    minLength: 2,
    maxLength: limits.cidr,
    pattern: rangePattern,
    examples: ["192.0.2.0/24", "2001:db8::/32"],
  });

/** An id that a program gives; another copy of the driver's package makes ones that are none of ours by class. */
export const idSchema = z.custom<Types.ObjectId>(
  (value) => Types.ObjectId.isValid(value as Types.ObjectId) && typeof value === "object",
  {
    message: "must be an ObjectId",
  },
);

/** Text of which a reader sees every character but joiners and the forms of emoji: two that look the same are the same. */
export const plainlyPrintable = (max: number) =>
  printable(max).refine((text) => !hidden.test(text), "must not contain characters that are not seen");

const hidden = /(?!\u200c|\u200d|\ufe0e|\ufe0f)\p{Default_Ignorable_Code_Point}/u;

/**
 * Parses input of a caller.
 *
 * @throws IdentityError `INVALID_INPUT` that names each path and what is wrong with it, never the value.
 */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  // A schema passes over it in silence; it would be lost, or worse, set somebody's prototype.
  if (hasPrototypeKey(input)) throw new IdentityError("INVALID_INPUT", "a key must not be __proto__");
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
  const summary = issues.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join("; ");
  throw new IdentityError("INVALID_INPUT", summary, { details: { issues } });
}

function hasPrototypeKey(input: unknown, depth = 0): boolean {
  if (typeof input !== "object" || input === null || depth > 4) return false;
  if (Array.isArray(input)) return input.some((item) => hasPrototypeKey(item, depth + 1));
  if (Object.getPrototypeOf(input) !== Object.prototype) return false;
  if (Object.hasOwn(input, "__proto__")) return true;
  return Object.values(input).some((value) => hasPrototypeKey(value, depth + 1));
}
