import { z } from "zod";
import { IdentityError } from "../errors.js";
import { canonicalRange } from "../network.js";
import { passwordLength } from "../passwords.js";
import { duration, limits } from "../schemas/common.js";
import { limitPolicies, themes } from "../schemas/user.js";
import { isOneLine, showsSomething, textSchema } from "../text.js";
import { canonicalEmail } from "./email.js";

/**
 * One person, one spelling: of an email address what {@link canonicalEmail} says, of a username the trimmed text in NFC
 * and lower case.
 */
export function normaliseIdentifier(value: string): string {
  return canonicalEmail(value) ?? value.trim().normalize("NFC").toLowerCase();
}

// What a JSON Schema can say of text that is transformed: `x.pipe()` and `transform` hide it from the document.
const unruly = "\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069\\ufdd0-\\ufdef\\ufffe\\uffff";
const refused = `\\u0000-\\u001f${unruly}`;
const refusedInLines = `\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f${unruly}`;
const unseen =
  "\\s\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2060-\\u206f\\u2800\\u3164";
const unseenForms = "\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufff8";
const oneLine = `^[^${refused}]*[^${refused}${unseen}${unseenForms}][^${refused}]*$`;

/**
 * One line of text that people see: trimmed, NFC, well-formed, without control characters, and with something to see.
 */
export const printable = (max: number) =>
  z
    .string()
    .trim()
    .normalize()
    .pipe(textSchema({ min: 1, max }))
    .refine(isOneLine, "must not contain control characters")
    .refine(showsSomething, "must show something")
    .meta({ minLength: 1, maxLength: max, pattern: oneLine });

// Dot-atom and labels of RFC 5321 and 6531; what UTS 46 refuses beyond that no pattern can say.
const localPart = '[^\\s@"(),:;<>\\[\\]\\\\.\\u0000-\\u001f\\u007f]+';
const label = "[A-Za-z0-9\\u00a1-\\uffff]([A-Za-z0-9\\u00a1-\\uffff-]{0,40}[A-Za-z0-9\\u00a1-\\uffff])?";
const emailPattern = `^(?=[^@]{1,64}@)${localPart}(\\.${localPart})*@(${label}\\.)+[A-Za-z\\u00a1-\\uffff]([A-Za-z0-9-]{0,20}[A-Za-z0-9])$`;

export const emailSchema = z
  .string()
  .transform((address, context) => {
    const canonical = canonicalEmail(address);
    if (canonical) return canonical;
    context.addIssue({ code: "custom", message: "must be an email address" });
    return z.NEVER;
  })
  .meta({ format: "idn-email", minLength: 3, maxLength: limits.email, pattern: emailPattern })
  .describe("Email address; compared trimmed, NFC, in lower case and with its domain in ASCII");

export const passwordSchema = textSchema(passwordLength).describe(
  `Password, ${passwordLength.min} to ${passwordLength.max} characters of any kind`,
);

export const rolesSchema = z
  .array(printable(limits.role))
  .max(limits.roles)
  .transform((roles) => [...new Set(roles)]);

const usernameSchema = z
  .string()
  .transform(normaliseIdentifier)
  .pipe(
    z
      .string()
      .min(3)
      .max(limits.username)
      .regex(/^[a-z0-9][a-z0-9._-]*$/, "must be letters, digits, . _ -"),
  )
  .meta({ minLength: 3, maxLength: limits.username, pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$" });

const timezoneSchema = z
  .string()
  .max(limits.timezone)
  .refine(isTimezone, "must be an IANA time zone")
  .meta({ pattern: "^[A-Za-z][A-Za-z0-9_+/-]*$", examples: ["Europe/Oslo", "UTC"] })
  .describe("IANA time zone, such as Europe/Oslo");

const languageSchema = z
  .string()
  .max(limits.language)
  .refine(isLanguage, "must be a BCP 47 language tag")
  .meta({ pattern: "^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?$" })
  .describe("BCP 47 language tag, such as en-GB");

export const profileChangesSchema = z
  .strictObject({
    displayName: printable(limits.displayName).nullable(),
    bio: z
      .string()
      .trim()
      .normalize()
      .pipe(textSchema({ max: limits.bio }))
      .refine((text) => isOneLine(text.replace(/[\t\r\n]/g, " ")), "must not contain control characters")
      .meta({ maxLength: limits.bio, pattern: `^[^${refusedInLines}]*$` })
      .nullable(),
    company: printable(limits.company).nullable(),
    location: printable(limits.location).nullable(),
    timezone: timezoneSchema,
    language: languageSchema,
    theme: z.enum(themes),
  })
  .partial()
  .describe("The fields to change; null clears one");

export const registrationSchema = z.strictObject({
  email: emailSchema,
  username: usernameSchema.optional(),
  password: passwordSchema,
  displayName: printable(limits.displayName).optional(),
});

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

export const securityChangesSchema = z
  .strictObject({
    idleTimeoutMs: z
      .int()
      .min(duration.minute)
      .max(90 * duration.day),
    absoluteLifetimeMs: z
      .int()
      .min(duration.minute)
      .max(365 * duration.day),
    maxConcurrentSessions: z.int().min(1).max(limits.concurrentSessions),
    limitPolicy: z.enum(limitPolicies),
    alerts: z.strictObject({ newDevice: z.boolean(), newLocation: z.boolean() }),
    ipAllowlist: z.array(rangeSchema).max(limits.allowlist),
  })
  .partial()
  .describe("The security settings to change");

export type Registration = z.input<typeof registrationSchema>;
export type ProfileChanges = z.input<typeof profileChangesSchema>;
export type SecurityChanges = z.input<typeof securityChangesSchema>;

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

function isTimezone(value: string): boolean {
  // An offset is no zone: programs that read it later know no rules for it.
  if (/^[+\-\u2212]/.test(value)) return false;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: value }) !== undefined;
  } catch {
    return false;
  }
}

function isLanguage(value: string): boolean {
  try {
    return Intl.getCanonicalLocales(value).length === 1;
  } catch {
    return false;
  }
}
