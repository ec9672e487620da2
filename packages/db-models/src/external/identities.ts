import type { Types } from "mongoose";
import { z } from "zod";
import type { Context } from "../context/context.js";
import { emailSchema } from "../core/email.js";
import { IdentityError, isDuplicateKey } from "../core/errors.js";
import { externalKeyOf } from "../core/external-key.js";
import { parseInput, printable } from "../core/input.js";
import { limits } from "../core/limits.js";
import { randomKey } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { UserDocument, UserStatus } from "../schemas/user.js";
import { recordSecurityEvent } from "../security-events/events.js";
import type { RequestOrigin } from "../users/one-time-tokens.js";

/** Somebody at an identity provider. The address is no part of it: providers give addresses to others again. */
export interface ExternalSubject {
  /** `iss` of the provider, or the origin of one that has none. */
  issuer: string;
  /** `sub`: never given to anybody else by this issuer (OpenID Connect Core section 5.7). */
  subject: string;
}

/** The account of an external identity. */
export interface ExternalAccount {
  userId: Types.ObjectId;
  status: UserStatus;
  sessionGeneration: number;
}

/** What a new account takes over from a provider. */
export interface ExternalRegistration extends ExternalSubject {
  /** Name of the provider in the application's settings. */
  provider: string;
  /** Verified by the provider. */
  email: string;
  displayName?: string | undefined;
}

export type ExternalLink =
  | { ok: true /** False when it was linked before. */; added: boolean }
  | { ok: false; reason: "taken" | "too_many" };

export type ExternalUnlink = { ok: true } | { ok: false; reason: "not_linked" | "last_way_in" };

/** A linked identity, for its owner. */
export interface LinkedIdentity {
  provider: string;
  linkedAt: Date;
}

// OpenID Connect Core section 2: at most 255 ASCII characters; others are longer.
const subjectSchema = z.strictObject({
  issuer: z.string().min(1).max(2_048),
  subject: z.string().min(1).max(1_024),
});
const providerSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be lower-case letters, digits and hyphens");
const registrationSchema = subjectSchema.extend({
  provider: providerSchema,
  email: emailSchema,
  displayName: printable(limits.displayName).optional().catch(undefined),
});
const linkSchema = subjectSchema.extend({ provider: providerSchema });

export async function findExternal(
  { models }: Context,
  input: ExternalSubject,
): Promise<ExternalAccount | undefined> {
  const key = externalKeyOf(parseInput(subjectSchema, input));
  const projection = { status: 1, sessionGeneration: 1 } as const;
  const user = await findByQuery(models, queries.userByExternalIdentity(key), projection);
  return user && { userId: user._id, status: user.status, sessionGeneration: user.sessionGeneration };
}

export async function registerExternal(
  context: Context,
  input: ExternalRegistration,
): Promise<ExternalAccount & { created: boolean }> {
  const { models, now } = context;
  const { provider, email, displayName, ...subject } = parseInput(registrationSchema, input);
  const user = new models.User({
    email,
    emailVerifiedAt: now,
    profile: { ...(displayName !== undefined && { displayName }) },
    externalIdentities: [{ key: externalKeyOf(subject), provider, linkedAt: now }],
    auditKey: randomKey(),
    createdAt: now,
    updatedAt: now,
  });
  try {
    await user.save();
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    // Two first sign-ins at once: the account that the other made is theirs too.
    const account = await findExternal(context, subject);
    if (account) return { ...account, created: false };
    throw new IdentityError("EMAIL_TAKEN", "the email address is in use");
  }
  return { userId: user._id, status: "active", sessionGeneration: 0, created: true };
}

export async function linkExternal(
  context: Context,
  { userId, sessionId, origin, ...input }: LinkInput,
): Promise<ExternalLink> {
  const { models, now } = context;
  const { provider, ...subject } = parseInput(linkSchema, input);
  const key = externalKeyOf(subject);
  const isFull = `externalIdentities.${limits.identities - 1}`;
  const vacant = { _id: userId, "externalIdentities.key": { $ne: key }, [isFull]: { $exists: false } };
  try {
    const { matchedCount } = await models.User.updateOne(vacant, {
      $push: {
        externalIdentities: {
          key,
          provider,
          linkedAt: now,
          ...(sessionId && { addedInSession: sessionId }),
        },
      },
      $set: { updatedAt: now },
    });
    if (matchedCount === 0) return await whyNotLinked(context, userId, subject);
  } catch (error) {
    if (isDuplicateKey(error)) return { ok: false, reason: "taken" };
    throw error;
  }
  await note(context, userId, `linked ${provider}`, origin);
  return { ok: true, added: true };
}

/** The account that an identity is linked to, and where the request came from. */
export interface LinkInput extends ExternalSubject {
  userId: Types.ObjectId;
  /** The session that asks for it: a report of it as somebody else's unlinks the identity. */
  sessionId?: Types.ObjectId | undefined;
  provider: string;
  origin?: RequestOrigin | undefined;
}

async function whyNotLinked(
  context: Context,
  userId: Types.ObjectId,
  subject: ExternalSubject,
): Promise<ExternalLink> {
  const account = await findExternal(context, subject);
  if (account?.userId.equals(userId)) return { ok: true, added: false };
  if (account) return { ok: false, reason: "taken" };
  const user = await context.models.User.exists({ _id: userId });
  if (!user) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  return { ok: false, reason: "too_many" };
}

export async function unlinkExternal(
  context: Context,
  { userId, provider, origin }: { userId: Types.ObjectId; provider: string; origin?: RequestOrigin },
): Promise<ExternalUnlink> {
  const { models, now } = context;
  const linked = { _id: userId, "externalIdentities.provider": provider };
  // One update decides, so that two at once do not take the last two ways in.
  const another = {
    $or: [
      { passwordHash: { $exists: true } },
      { externalIdentities: { $elemMatch: { provider: { $ne: provider } } } },
    ],
  };
  const { matchedCount } = await models.User.collection.updateOne({ ...linked, ...another }, [
    { $set: { updatedAt: now, externalIdentities: without(provider) } },
    // Absent when there is none, so that the unique index leaves the user out.
    {
      $set: {
        externalIdentities: {
          $cond: [{ $eq: ["$externalIdentities", []] }, "$$REMOVE", "$externalIdentities"],
        },
      },
    },
  ]);
  if (matchedCount === 0) {
    const isLinked = await models.User.exists(linked);
    return { ok: false, reason: isLinked ? "last_way_in" : "not_linked" };
  }
  await note(context, userId, `unlinked ${provider}`, origin);
  return { ok: true };
}

const without = (provider: string) => ({
  $filter: { input: "$externalIdentities", cond: { $ne: ["$$this.provider", { $literal: provider }] } },
});

export async function listExternal(
  { models }: Context,
  { userId }: { userId: Types.ObjectId },
): Promise<{ linked: LinkedIdentity[]; hasPassword: boolean }> {
  const projection = { externalIdentities: 1, passwordHash: 1 } as const;
  const user = await models.User.findById(userId, projection).lean<
    Pick<UserDocument, "externalIdentities" | "passwordHash">
  >();
  if (!user) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  const linked = (user.externalIdentities ?? []).map(({ provider, linkedAt }) => ({ provider, linkedAt }));
  return { linked, hasPassword: user.passwordHash !== undefined };
}

function note(
  context: Context,
  userId: Types.ObjectId,
  reason: string,
  origin: RequestOrigin | undefined,
): Promise<unknown> {
  const event = { userId, kind: "external_identity_changed", severity: "warning" } as const;
  return recordSecurityEvent(context, { ...event, reasons: [reason], ...origin });
}
