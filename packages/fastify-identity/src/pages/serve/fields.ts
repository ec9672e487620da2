import {
  apiKeyInputSchema,
  emailSchema,
  passwordLength,
  passwordSchema,
  profileChangesSchema,
  securityChangesSchema,
} from "@org/db-models";
import { duration, limits, typedCode } from "@org/db-models/core";
import { z } from "zod";
import { idInput } from "../../http/answers/schemas.js";
import { passkeyAnswer } from "../../routes/schemas/factors.js";

/** How long an API key can be made to last, days. */
export const keyLifetimeDays = [30, 90, 365] as const;

/** Items between spaces, commas or line breaks. */
const lines = z.string().transform((text) => text.split(/[\s,]+/).filter(Boolean));

/** The fields of the forms. */
export const fields = {
  email: { schema: emailSchema, error: { id: "error.email" } },
  identifier: { schema: z.string().min(1).max(limits.email), error: { id: "error.identifier" } },
  password: { schema: z.string().min(1), error: { id: "error.password_required" } },
  newPassword: { schema: passwordSchema, error: { id: "error.password_new", values: passwordLength } },
  displayName: {
    schema: optional(profileChangesSchema.shape.displayName.unwrap().unwrap()),
    error: { id: "error.display_name", values: { max: limits.displayName } },
  },
  /** As people copy it: with spaces, and in the digits of their keyboard. */
  code: {
    schema: z.string().transform(typedCode).pipe(z.string().min(1).max(16)),
    error: { id: "error.code" },
  },
  id: { schema: idInput, error: { id: "problem.malformed" } },
  timezone: { schema: profileChangesSchema.shape.timezone.unwrap(), error: { id: "problem.malformed" } },
  language: { schema: profileChangesSchema.shape.language.unwrap(), error: { id: "problem.malformed" } },
  allowlist: {
    schema: lines.pipe(securityChangesSchema.shape.ipAllowlist.unwrap()),
    error: { id: "error.allowlist" },
  },
  keyName: {
    schema: apiKeyInputSchema.shape.name,
    error: { id: "error.key_name", values: { max: limits.name } },
  },
  scopes: { schema: lines.pipe(apiKeyInputSchema.shape.scopes), error: { id: "error.scopes" } },
  /** Days, or nothing for ever. */
  keyLifetime: {
    schema: z
      .enum(["", ...keyLifetimeDays.map(String)])
      .transform((days) => (days === "" ? undefined : Number(days) * duration.day)),
    error: { id: "error.expires" },
  },
  /** What a browser gave for a passkey. */
  passkey: {
    schema: z
      .string()
      .max(30_000)
      .transform((text, context): unknown => {
        try {
          return JSON.parse(text);
        } catch {
          context.addIssue({ code: "custom", message: "must be JSON" });
          return z.NEVER;
        }
      })
      .pipe(passkeyAnswer),
    error: { id: "problem.passkey_refused" },
  },
  passkeyName: {
    schema: apiKeyInputSchema.shape.name,
    error: { id: "error.key_name", values: { max: limits.name } },
  },
  /** Of an app, or for recovery. */
  anyCode: {
    schema: z.string().transform(typedCode).pipe(z.string().min(1).max(64)),
    error: { id: "error.code" },
  },
  recoveryCode: { schema: z.string().trim().min(1).max(64), error: { id: "error.recovery_code" } },
} as const;

/** A code that was typed where those of an app and of recovery are taken: an app's are six digits. */
export const factorCodeOf = (code: string): { totp: string } | { recoveryCode: string } =>
  /^\d{6}$/.test(code) ? { totp: code } : { recoveryCode: code };

/** A field that may be left empty. */
function optional<T extends z.ZodType>(schema: T) {
  return z.union([z.literal("").transform(() => undefined), schema]);
}
