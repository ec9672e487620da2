import { apiKeyInputSchema } from "@org/db-models";
import { z } from "zod";
import { idInput, idOutput } from "../../http/answers/schemas.js";

/** Code of an authenticator app, as typed. */
export const totpCode = z.string().min(1).max(16).describe("Six digits, as the app shows them");

/** Recovery code, as typed. */
export const recoveryCode = z.string().min(1).max(64).describe("In either case, with or without hyphens");

/** A passkey of an account. */
export const passkey = z.object({
  id: idOutput,
  name: z.string(),
  createdAt: z.date(),
  lastUsedAt: z.date().optional(),
  aaguid: z.string().describe("Model of the authenticator; zeros when it does not tell"),
  transports: z.array(z.string()),
  verifiesUser: z.boolean().describe("Whether it is a sign-in by itself; else it is a second factor"),
  synced: z.boolean().describe("Whether it may be on several devices"),
  backedUp: z.boolean().describe("Whether it was, at its last use"),
});

const rememberedDevice = z.object({
  id: idOutput,
  label: z.string(),
  createdAt: z.date(),
  lastUsedAt: z.date(),
  expiresAt: z.date(),
});

/** The second factors of an account. */
export const accountFactors = z
  .object({
    totp: z.object({ confirmedAt: z.date(), lastUsedAt: z.date() }).optional(),
    passkeys: z.array(passkey),
    recoveryCodes: z.int().describe("How many are unused"),
    rememberedDevices: z.array(rememberedDevice).describe("Where no second factor is asked for"),
    recovery: z
      .object({ requestedAt: z.date(), availableAt: z.date(), expiresAt: z.date() })
      .optional()
      .describe("Somebody with the password says that every factor is lost"),
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

/** What a browser gives for a passkey, as the credential's `toJSON()` writes it. */
export const passkeyAnswer = z
  .looseObject({
    id: z.string().min(1).max(1_364),
    rawId: z.string().min(1).max(1_364),
    type: z.literal("public-key"),
    response: z.looseObject({ clientDataJSON: z.string().min(1).max(8_192) }),
  })
  .describe("`PublicKeyCredential.toJSON()`");

const options = z.looseObject({ challenge: z.string() });

export const passkeyCreation = z
  .object({
    options: options.describe("For `PublicKeyCredential.parseCreationOptionsFromJSON()`"),
    expiresAt: z.date(),
  })
  .meta({ id: "PasskeyCreation" });

export const passkeyRequest = z
  .object({
    options: options.describe("For `PublicKeyCredential.parseRequestOptionsFromJSON()`"),
    attempt: z.string().optional().describe("Comes back with the answer; only for a sign-in"),
    expiresAt: z.date(),
  })
  .meta({ id: "PasskeyRequest" });

/** As API keys are named. */
const passkeyName = apiKeyInputSchema.shape.name.describe("As its owner calls it");

export const newPasskey = z.strictObject({ response: passkeyAnswer, name: passkeyName.optional() });
export const passkeyChanges = z.strictObject({ name: passkeyName });
export const factorParams = z.strictObject({ id: idInput });
export const forgotten = z.object({ forgotten: z.int().describe("How many devices") });

const credentials = {
  identifier: z.string().min(1).max(254).describe("Email address or username"),
  password: z.string().min(1),
};
const token = z.string().min(1).max(128).describe("As it was mailed");

export const recoveryRequest = z.strictObject(credentials);
export const recoveryCompletion = z.strictObject({ ...credentials, token });
export const recoveryCancellation = z.strictObject({ token });

export const recoveryState = z
  .object({
    state: z.string().describe("waiting, or ready: a token was mailed"),
    availableAt: z.date().describe("When the wait ends: ask again then"),
    expiresAt: z.date(),
  })
  .meta({ id: "RecoveryState" });
