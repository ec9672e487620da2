import { z } from "zod";
import { reservedRolePrefix } from "../core/administrator-roles.js";
import { emailSchema, normaliseIdentifier } from "../core/email.js";
import { printable, printableLines, rangeSchema } from "../core/input.js";
import { duration, limits } from "../core/limits.js";
import { passwordLength } from "../core/passwords.js";
import { textSchema } from "../core/text.js";
import { limitPolicies, themes } from "../schemas/user.js";

export const passwordSchema = textSchema(passwordLength).describe(
  `Password, ${passwordLength.min} to ${passwordLength.max} characters of any kind`,
);

export const rolesSchema = z
  .array(printable(limits.role))
  .refine((roles) => !roles.some((role) => role.toLowerCase().startsWith(reservedRolePrefix)), {
    error: `roles that begin with ${reservedRolePrefix} are given by administrators.setRoles only`,
  })
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
    bio: printableLines(limits.bio).nullable(),
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
  language: languageSchema.optional(),
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
