import { emailSchema, passwordSchema } from "@org/db-models";
import { z } from "zod";

const token = z.string().min(1).max(128).describe("As it was sent to the account's address");

/** Whose password is to be reset. */
export const resetRequestBody = z.strictObject({ email: emailSchema });

/** Says nothing, whoever it was. */
export const accepted = z.object({});

/** What resets a password. */
export const resetBody = z.strictObject({ token, password: passwordSchema });

/** What verifies an address. */
export const verificationBody = z.strictObject({ token });

export const verificationSent = z.object({ expiresAt: z.date().describe("Until when the token is good") });
