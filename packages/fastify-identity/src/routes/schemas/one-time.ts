import { emailSchema, passwordSchema } from "@org/db-models";
import { z } from "zod";

const token = z.string().min(1).max(128).describe("As it was sent to the account's address");

/** Whose password is to be reset. */
export const resetRequestBody = z.strictObject({ email: emailSchema });

/** The same empty response for every address. */
export const accepted = z.object({});

/** Input of a password reset. */
export const resetBody = z.strictObject({ token, password: passwordSchema });

/** The address that an account is to have. */
export const emailChangeBody = z.strictObject({ email: emailSchema });

export const emailChangeUndone = z.object({
  ended: z.int().describe("How many sessions were ended"),
  passwordVoid: z.boolean().describe("True when the account has a password: it must be set again"),
});

/** Input of an email verification. */
export const verificationBody = z.strictObject({ token });

export const verificationSent = z.object({ expiresAt: z.date().describe("Until when the token is good") });
