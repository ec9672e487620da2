import type { Types } from "mongoose";
import { settleApiKeys, suspendApiKeys } from "../api-keys/owner.js";
import { normaliseIdentifier } from "../core/email.js";
import { IdentityError, isDuplicateKey } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { hashPassword, verifyPassword } from "../core/passwords.js";
import { randomKey } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { IdentityModels } from "../schemas/models.js";
import type { UserDocument, UserStatus } from "../schemas/user.js";
import { endEverySession } from "../sessions/revoke.js";
import { type Registration, registrationSchema, rolesSchema } from "./input.js";

/** A user without secrets. */
export type PublicUser = Omit<
  UserDocument,
  "passwordHash" | "auditKey" | "emailVerification" | "passwordReset" | "messagesAt"
>;

/** Leaves out what no caller may see; read by everything that returns a user. */
export const publicProjection = {
  passwordHash: 0,
  auditKey: 0,
  emailVerification: 0,
  passwordReset: 0,
  messagesAt: 0,
} as const;

/**
 * Creates an active account with a password.
 *
 * @throws IdentityError `INVALID_INPUT`, `EMAIL_TAKEN`, `USERNAME_TAKEN`.
 */
export async function registerUser(
  models: IdentityModels,
  input: Registration,
  now: Date,
): Promise<PublicUser> {
  const { password, displayName, ...identifiers } = parseInput(registrationSchema, input);
  const user = new models.User({
    ...identifiers,
    passwordHash: await hashPassword(password),
    passwordChangedAt: now,
    profile: displayName === undefined ? {} : { displayName },
    auditKey: randomKey(),
    createdAt: now,
    updatedAt: now,
  });
  try {
    await user.save();
  } catch (error) {
    throw isDuplicateKey(error) ? identifierTaken(error.keyPattern) : error;
  }
  return readUser(models, user._id);
}

function identifierTaken(keyPattern: Record<string, unknown> = {}): IdentityError {
  if ("username" in keyPattern) return new IdentityError("USERNAME_TAKEN", "the username is in use");
  return new IdentityError("EMAIL_TAKEN", "the email address is in use");
}

export type Authentication =
  | { authenticated: true; userId: Types.ObjectId; sessionGeneration: number }
  | { authenticated: false; reason: "bad_credentials" | "not_active"; userId?: Types.ObjectId };

/**
 * Checks a password. An unknown account, an account without a password and a wrong password take the same work and
 * give the same answer; that an account is not active is told only to who knows the password.
 *
 * @param input - `identifier` is an email address or a username.
 */
export async function authenticateUser(
  models: IdentityModels,
  input: { identifier: string; password: string },
): Promise<Authentication> {
  const identifier = normaliseIdentifier(input.identifier);
  const query = identifier.includes("@")
    ? queries.userByEmail(identifier)
    : queries.userByUsername(identifier);
  const user = await findByQuery(models, query, { passwordHash: 1, status: 1, sessionGeneration: 1 });
  if (!(await verifyPassword(user?.passwordHash, input.password)) || !user) {
    return { authenticated: false, reason: "bad_credentials", ...(user && { userId: user._id }) };
  }
  if (user.status !== "active") return { authenticated: false, reason: "not_active", userId: user._id };
  return { authenticated: true, userId: user._id, sessionGeneration: user.sessionGeneration };
}

/** @throws IdentityError `USER_NOT_FOUND`. */
export async function readUser(models: IdentityModels, userId: Types.ObjectId): Promise<PublicUser> {
  const user = await models.User.findById(userId, publicProjection).lean<PublicUser>();
  if (!user) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  return user;
}

/**
 * Changes an account's status. Leaving `active` ends every session, those of logins under way included, and suspends
 * the API keys (ASVS 7.4.2); coming back makes the keys good again. A crash in between leaves open nothing that was so at
 * the call; calling again completes it, and ends a session that a login opened meanwhile.
 *
 * @throws IdentityError `USER_NOT_FOUND`.
 */
export async function setUserStatus(
  models: IdentityModels,
  input: { userId: Types.ObjectId; status: UserStatus },
  now: Date,
): Promise<void> {
  const { userId, status } = input;
  if (status !== "active") {
    await suspendApiKeys(models, userId);
    const end = { userId, reason: "account_not_active", change: { $set: { status } } } as const;
    const { generation } = await endEverySession(models, end, now);
    await settleApiKeys(models, userId, { active: false, generation });
    return;
  }
  const user = await models.User.collection.findOneAndUpdate(
    { _id: userId },
    { $set: { status, updatedAt: now } },
    { returnDocument: "after", projection: { sessionGeneration: 1 } },
  );
  if (!user) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  await settleApiKeys(models, userId, { active: true, generation: Number(user.sessionGeneration) });
}

/**
 * Changes what a user may do, in the account and in every live session. A login under way takes the new roles too.
 *
 * @throws IdentityError `INVALID_INPUT`, `USER_NOT_FOUND`.
 */
export async function setUserRoles(
  models: IdentityModels,
  input: { userId: Types.ObjectId; roles: string[] },
  now: Date,
): Promise<void> {
  const { userId } = input;
  const roles = parseInput(rolesSchema, input.roles);
  const { matchedCount } = await models.User.collection.updateOne(
    { _id: userId },
    { $set: { roles, updatedAt: now } },
  );
  if (matchedCount === 0) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  await models.UserSession.collection.updateMany({ userId, revokedAt: null }, { $set: { roles } });
}
