import { passwordLength } from "@org/db-models";
import { z } from "zod";
import { flagInput, idInput, idOutput } from "../../http/answers/schemas.js";
import { passkeyAnswer, recoveryCode, totpCode } from "./factors.js";

export const expiry = {
  idleExpiresAt: z.date().describe("When it ends unless it is used"),
  absoluteExpiresAt: z.date().describe("When it ends in any case"),
};
export const token = z
  .string()
  .optional()
  .describe("Bearer token; only for who asked for one, or came with one. Shown once");

export const delivery = z
  .enum({ cookie: "cookie", token: "token" })
  .default("cookie")
  .describe(
    "`cookie` for browsers: no script ever sees the token. `token` for programs: it is in the answer",
  );

/** Credentials, and how the token is to be delivered. */
export const signInBody = z.strictObject({
  identifier: z.string().min(1).max(254).describe("Email address or username"),
  password: z.string().min(1),
  delivery,
});

/** The account's password, as it is checked. */
const currentPassword = z
  .string()
  .min(1)
  // Counted as at registration, in code points of the NFC form.
  .refine((text) => [...text.normalize("NFC")].length <= passwordLength.max, "is too long")
  .meta({ maxLength: passwordLength.max })
  .describe("The account's password, once more");

const challenge = z.string().min(1).max(128).describe("As `CHALLENGE_REQUIRED` gave it");
const held = { challenge, delivery };
const rememberDevice = z
  .boolean()
  .default(false)
  .describe(
    "Ask for no second factor in this browser for some weeks, as long as its sign-ins are like its owner",
  );

/** The answer of a passkey to `POST /v1/sessions/passkey/options`. */
export const passkeySignIn = z.strictObject({
  response: passkeyAnswer,
  attempt: z.string().min(1).max(128).describe("As it came with the options"),
  delivery,
});

/** A held sign-in. */
export const pendingBody = z.strictObject({ challenge });

/** One proof that a held sign-in was asked for. */
export const challengeBody = z.union([
  z.strictObject({
    ...held,
    code: z.string().min(1).max(16).describe("As the account's owner was sent it"),
  }),
  z.strictObject({ ...held, totp: totpCode, rememberDevice }),
  z.strictObject({ ...held, recoveryCode, rememberDevice }),
  z.strictObject({ ...held, passkey: passkeyAnswer, rememberDevice }),
  z.strictObject({ ...held, password: currentPassword }),
]);

/** Result of a sign-in. */
export const signedIn = z
  .object({
    id: idOutput.describe("The session's id"),
    userId: idOutput,
    token,
    ...expiry,
    newDevice: z.boolean(),
    newLocation: z.boolean(),
    evicted: z
      .array(z.object({ id: idOutput, reason: z.literal("evicted") }))
      .describe("Older sessions that ended to make room for this one"),
    enrol: z
      .boolean()
      .describe("The account must have a second factor: enrol one, the rest is refused until then"),
  })
  .meta({ id: "SignedIn" });

/** Proof that it is the user who asks, and not somebody at their open browser. */
export const passwordBody = z.strictObject({ password: currentPassword });

/** What proves again who the user is: one or more. */
export const stepUpBody = z
  .strictObject({
    password: currentPassword.optional(),
    totp: totpCode.optional(),
    recoveryCode: recoveryCode.optional(),
    passkey: passkeyAnswer
      .optional()
      .describe(
        "To the options of `POST /v1/session/authentication/passkey`: `PublicKeyCredential.toJSON()`",
      ),
  })
  .refine((proofs) => Object.keys(proofs).length > 0, "must have a proof")
  .meta({ minProperties: 1 });

/** Result of a rotation. */
export const refreshed = z
  .object({
    id: idOutput,
    userId: idOutput,
    token,
    ...expiry,
    retried: z.boolean().describe("The rotation had already happened; this is its token again"),
  })
  .meta({ id: "RefreshedSession" });

/** A session after its user proved again who they are. */
export const renewed = refreshed.omit({ retried: true });

/** The session behind a request. */
export const currentSession = z
  .object({
    id: idOutput,
    userId: idOutput,
    roles: z.array(z.string()),
    scopes: z.array(z.string()),
    risk: z.object({
      score: z.number().optional(),
      level: z.string(),
      reasons: z.array(z.string()),
    }),
    authenticatedAt: z.date(),
    amr: z.array(z.string()).describe("How the user proved who they are, in the values of RFC 8176"),
    acr: z.int().describe("2 for two different factors, 1 for one, 0 when none was recorded"),
    actor: idOutput.optional().describe("The administrator who acts for the user in this session"),
    createdAt: z.date(),
    ...expiry,
  })
  .meta({ id: "CurrentSession" });

const named = z.object({ name: z.string().optional(), version: z.string().optional() });

/** A live session as its owner sees it. */
const session = z
  .object({
    id: idOutput,
    current: z.boolean().describe("Whether it is the session of this request"),
    device: z.object({ label: z.string(), type: z.string(), os: named, browser: named }),
    ip: z.string().optional(),
    location: z
      .object({ country: z.string().optional(), region: z.string().optional(), city: z.string().optional() })
      .optional(),
    createdAt: z.date(),
    lastSeenAt: z.date(),
    ...expiry,
    impersonation: z
      .object({ reason: z.string().optional() })
      .optional()
      .describe(
        "Of a session in which an administrator acts for you, since `createdAt`: why, where that is told",
      ),
    requests: z.number(),
  })
  .meta({ id: "Session" });

export const sessionList = z.object({ sessions: z.array(session) });

export const sessionParams = z.strictObject({ id: idInput });

/** Which sessions to end. */
export const endQuery = z.strictObject({
  all: flagInput.default(false).describe("Also the session of this request, and sign-ins under way"),
});

export const ended = z.object({ ended: z.int().describe("How many sessions this call ended") });
