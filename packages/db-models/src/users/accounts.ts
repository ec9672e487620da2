import { Types } from "mongoose";
import { dismissAdministrator, keepingAdministratorRoles } from "../administrators/register.js";
import { settleApiKeys, suspendApiKeys } from "../api-keys/owner.js";
import type { Context } from "../context/context.js";
import { normaliseIdentifier } from "../core/email.js";
import { IdentityError, isDuplicateKey } from "../core/errors.js";
import { parseInput } from "../core/input.js";
import { verifyPassword } from "../core/passwords.js";
import { randomKey } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import { soundUser } from "../queries/sound-user.js";
import { findAndUpdate } from "../queries/update.js";
import type { UserDocument, UserSecurity, UserStatus } from "../schemas/user.js";
import { endChangedImpersonations } from "../sessions/impersonations.js";
import { endEverySession } from "../sessions/revoke.js";
import { readSecurity } from "../stored/user.js";
import { type Registration, registrationSchema, rolesSchema } from "./input.js";
import { newPassword } from "./password.js";

/** A user without secrets, and with the settings that the document leaves out. */
export type PublicUser = Omit<PublicFields, "security"> & { security: UserSecurity };

/** The fields that {@link publicProjection} leaves. */
export type PublicFields = Omit<
  UserDocument,
  | "passwordHash"
  | "auditKey"
  | "emailVerification"
  | "passwordReset"
  | "emailChange"
  | "emailUndos"
  | "messagesAt"
>;

/** Leaves out what no caller may see; read by everything that returns a user. */
export const publicProjection = {
  passwordHash: 0,
  auditKey: 0,
  emailVerification: 0,
  passwordReset: 0,
  emailChange: 0,
  emailUndos: 0,
  messagesAt: 0,
} as const;

export async function registerUser(context: Context, input: Registration): Promise<PublicUser> {
  const { models, now } = context;
  const { password, displayName, language, ...identifiers } = parseInput(registrationSchema, input);
  const owner = { ...identifiers, profile: { displayName } };
  const user = new models.User({
    ...identifiers,
    ...(await newPassword(context, password, owner)),
    profile: { ...(displayName !== undefined && { displayName }), ...(language && { language }) },
    auditKey: randomKey(),
    createdAt: now,
    updatedAt: now,
  });
  try {
    await user.save();
  } catch (error) {
    throw isDuplicateKey(error) ? identifierTaken(error.keyPattern) : error;
  }
  return readUser(context, user._id);
}

function identifierTaken(keyPattern: Record<string, unknown> = {}): IdentityError {
  if ("username" in keyPattern) return new IdentityError("USERNAME_TAKEN", "the username is in use");
  return new IdentityError("EMAIL_TAKEN", "the email address is in use");
}

export type Authentication =
  | { ok: true; userId: Types.ObjectId; sessionGeneration: number }
  | { ok: false; reason: "bad_credentials" | "not_active"; userId?: Types.ObjectId };

export async function authenticateUser(
  context: Context,
  input: { identifier: string; password: string; beside?: (userId: Types.ObjectId) => void },
): Promise<Authentication> {
  const { models } = context;
  const identifier = normaliseIdentifier(input.identifier);
  const query = identifier.includes("@")
    ? queries.userByEmail(identifier)
    : queries.userByUsername(identifier);
  const user = await findByQuery(models, query, { passwordHash: 1, status: 1, sessionGeneration: 1 });
  input.beside?.(user?._id ?? new Types.ObjectId());
  if (!(await verifyPassword(user?.passwordHash, input.password)) || !user) {
    return { ok: false, reason: "bad_credentials", ...(user && { userId: user._id }) };
  }
  if (user.status !== "active") return { ok: false, reason: "not_active", userId: user._id };
  return { ok: true, userId: user._id, sessionGeneration: user.sessionGeneration };
}

export async function readUser(context: Context, userId: Types.ObjectId): Promise<PublicUser> {
  const { models } = context;
  const user = await models.User.findById(userId, publicProjection).lean<PublicFields>();
  if (!user) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  return publicUser(soundUser(models, user, publicProjection));
}

/** A user as callers see it, of a document that was read with {@link publicProjection}. */
export function publicUser(stored: PublicFields): PublicUser {
  return { ...stored, security: readSecurity(stored.security) };
}

export async function setUserStatus(
  context: Context,
  input: { userId: Types.ObjectId; status: UserStatus },
): Promise<void> {
  const { models } = context;
  const { userId, status } = input;
  if (status === "active") return activate(context, userId);
  if (status === "suspended") await notePending(context, userId);
  await dismissAdministrator(context, userId);
  await suspendApiKeys(models, userId);
  const end = { userId, reason: "account_not_active", change: { $set: { status } } } as const;
  const { generation } = await endEverySession(context, end);
  await settleApiKeys(models, userId, { active: false, generation });
  try {
    // Somebody may have made them an administrator meanwhile.
    await dismissAdministrator(context, userId);
  } catch (error) {
    await activate(context, userId);
    throw error;
  }
}

async function activate({ models, now }: Context, userId: Types.ObjectId): Promise<void> {
  const user = await models.User.collection.findOneAndUpdate(
    { _id: userId },
    { $set: { status: "active", updatedAt: now }, $unset: { suspendedFrom: "" } },
    { returnDocument: "after", projection: { sessionGeneration: 1 } },
  );
  if (!user) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  await settleApiKeys(models, userId, { active: true, generation: Number(user.sessionGeneration) });
}

/** Before it is suspended: an address that is verified meanwhile, or was, outweighs this. */
async function notePending({ models }: Context, userId: Types.ObjectId): Promise<void> {
  await models.User.collection.updateOne(
    { _id: userId, status: "pending" },
    { $set: { suspendedFrom: "pending" } },
  );
}

export async function endSuspension(
  context: Context,
  { userId }: { userId: Types.ObjectId },
): Promise<UserStatus | undefined> {
  const { models, now } = context;
  const isVerified = { $gt: ["$emailVerifiedAt", null] };
  const wasPending = { $and: [{ $eq: ["$suspendedFrom", "pending"] }, { $not: [isVerified] }] };
  const user = await findAndUpdate(
    models.User,
    { _id: userId, status: "suspended" },
    [
      { $set: { status: { $cond: [wasPending, "pending", "active"] }, updatedAt: now } },
      { $unset: "suspendedFrom" },
    ],
    { returnDocument: "after", projection: { status: 1, sessionGeneration: 1 } },
  );
  if (user?.status === "active") {
    await settleApiKeys(models, userId, { active: true, generation: user.sessionGeneration });
  }
  return user?.status;
}

export async function setUserRoles(
  context: Context,
  input: { userId: Types.ObjectId; roles: string[] },
): Promise<void> {
  const { models, now } = context;
  const { userId } = input;
  const own = parseInput(rolesSchema, input.roles);
  const roles = keepingAdministratorRoles(own);
  const { matchedCount } = await models.User.collection.updateOne({ _id: userId }, [
    { $set: { roles, updatedAt: now } },
  ]);
  if (matchedCount === 0) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  await endChangedImpersonations(context, { userId, roles: own });
  await models.UserSession.collection.updateMany({ userId, revokedAt: null }, [{ $set: { roles } }]);
}
