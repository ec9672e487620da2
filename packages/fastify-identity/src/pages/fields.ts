import { emailSchema, passwordLength, passwordSchema, profileChangesSchema } from "@org/db-models";
import { limits } from "@org/db-models/core";
import { z } from "zod";

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
  /** As people copy it: with spaces. */
  code: {
    schema: z
      .string()
      .transform((text) => text.replace(/[\s-]/g, ""))
      .pipe(z.string().min(1).max(16)),
    error: { id: "error.code" },
  },
  recoveryCode: { schema: z.string().trim().min(1).max(64), error: { id: "error.recovery_code" } },
} as const;

/** A field that may be left empty. */
function optional<T extends z.ZodType>(schema: T) {
  return z.union([z.literal("").transform(() => undefined), schema]);
}
