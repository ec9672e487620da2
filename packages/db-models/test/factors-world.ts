import type { Types } from "mongoose";
import type { ProofMethod } from "../src/core/assurance.js";
import { totpCode, totpStepAt } from "../src/core/totp.js";
import { createRecoveryCodes } from "../src/factors/recovery-codes.js";
import { confirmTotp, enrolTotp } from "../src/factors/totp.js";
import type { FactorSession, IdentityModels } from "../src/index.js";
import { openSession } from "../src/sessions/open.js";
import { contextAt } from "./context.js";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** What an authenticator app reads of a base 32 secret. */
export function bytesOf(secret: string): Buffer {
  const bits = [...secret].map((char) => alphabet.indexOf(char).toString(2).padStart(5, "0")).join("");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** The code that an app shows at a moment. */
export const codeOf = (secret: string, at: Date, steps = 0) =>
  totpCode(bytesOf(secret), totpStepAt(at) + steps);

/** A session whose user proved this at a moment. */
export async function sessionWith(
  models: IdentityModels,
  userId: Types.ObjectId,
  methods: readonly ProofMethod[],
  at: Date,
): Promise<FactorSession> {
  const { id } = await openSession(contextAt(models, at), { userId, proofs: methods });
  return { id, userId, proofs: methods.map((method) => ({ method, at })) };
}

/** Gives a user an authenticator app and recovery codes; the app's code of this moment is used. */
export async function enrolled(models: IdentityModels, userId: Types.ObjectId, at: Date) {
  const context = contextAt(models, at);
  const session: FactorSession = await factorSession(models, userId, at);
  const enrolment = await enrolTotp(context, { session });
  if (!enrolment.ok) throw new Error(enrolment.reason);
  const { secret } = enrolment;
  const confirmed = await confirmTotp(context, { session, code: codeOf(secret, at) });
  if (!confirmed.ok) throw new Error(confirmed.reason);
  const created = await createRecoveryCodes(context, { session });
  if (!created.ok) throw new Error(created.reason);
  return { session, secret, codes: created.codes };
}

/** As after a full sign-in, without one: the user's sessions stay as they are. */
async function factorSession(
  models: IdentityModels,
  userId: Types.ObjectId,
  at: Date,
): Promise<FactorSession> {
  const known = await models.UserSession.collection.findOne({ userId }, { projection: { _id: 1 } });
  const proofs = [
    { method: "password", at },
    { method: "totp", at },
  ] as const;
  return { id: (known?._id ?? userId) as Types.ObjectId, userId, proofs: [...proofs] };
}
