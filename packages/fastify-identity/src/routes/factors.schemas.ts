import { z } from "zod";

/** Code of an authenticator app, as typed. */
export const totpCode = z.string().min(1).max(16).describe("Six digits, as the app shows them");

/** Recovery code, as typed. */
export const recoveryCode = z.string().min(1).max(64).describe("In either case, with or without hyphens");

/** The second factors of an account. */
export const accountFactors = z
  .object({
    totp: z.object({ confirmedAt: z.date(), lastUsedAt: z.date() }).optional(),
    recoveryCodes: z.int().describe("How many are unused"),
  })
  .meta({ id: "AccountFactors" });

export const newTotp = z
  .object({
    secret: z.string().describe("Base 32, for typing into the app. Shown once"),
    uri: z.string().describe("`otpauth:`, for a QR code; it has the secret too"),
    expiresAt: z.date().describe("Until when it can be confirmed"),
  })
  .meta({ id: "NewTotp" });

export const totpConfirmation = z.strictObject({ code: totpCode });

export const recoveryCodes = z
  .object({ codes: z.array(z.string()).describe("Each good once. Shown once") })
  .meta({ id: "RecoveryCodes" });
