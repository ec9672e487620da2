import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { limits } from "../core/limits.js";
import { findFactors } from "../factors/account.js";
import { removal } from "../factors/changes.js";
import { endGrants } from "../oauth/grants.js";
import type { SignInReportDocument, TakenOff } from "../schemas/sign-in-report.js";
import type { ExternalIdentity } from "../schemas/user.js";
import type { UserFactorsDocument } from "../schemas/user-factors.js";
import { endDelegated } from "../users/end-delegated.js";

type Report = Pick<SignInReportDocument, "_id" | "userId" | "sessionId">;

type Added = Omit<TakenOff, "email" | "password">;

/**
 * Takes off whatever was added from the session. It is noted in the report first, so that a crash in between loses
 * nothing that can be given back; all of it may be done again.
 */
export async function takeOffAdded(context: Context, report: Report): Promise<void> {
  const { userId, sessionId } = report;
  await endGrants(context, { ownerId: userId, sessionId }, "reported");
  await note(context, report, await findAdded(context, report));
  await endDelegated(context, userId, { addedInSession: sessionId });
  await unlinkAdded(context, report);
  await removeFactors(context, report);
}

async function findAdded(context: Context, { userId, sessionId }: Report): Promise<Added> {
  const { models } = context;
  const made = { userId, revokedAt: null, addedInSession: sessionId };
  const most = { limit: limits.reportedKeys };
  const [user, factors, keys, consents] = await Promise.all([
    models.User.collection.findOne<{ externalIdentities?: ExternalIdentity[] }>(
      { _id: userId },
      { projection: { externalIdentities: 1 } },
    ),
    findFactors(context, userId),
    models.ApiKey.collection.find<{ name: string }>(made, { projection: { name: 1 }, ...most }).toArray(),
    models.AppPermission.collection
      .find<{ appId: Types.ObjectId }>(made, { projection: { appId: 1 }, ...most })
      .toArray(),
  ]);
  return {
    ...factorsAdded(factors, sessionId),
    externalIdentities: (user?.externalIdentities ?? []).filter(isOf(sessionId)),
    apiKeys: keys.map(({ name }) => name),
    apps: consents.map(({ appId }) => appId),
  };
}

const isOf =
  (sessionId: Types.ObjectId) =>
  ({ addedInSession }: { addedInSession?: Types.ObjectId }) =>
    addedInSession?.equals(sessionId) ?? false;

function factorsAdded(factors: UserFactorsDocument | undefined, sessionId: Types.ObjectId) {
  const { passkeys = [], totp, recoveryCodesOfSession } = factors ?? {};
  return {
    passkeys: passkeys.filter(isOf(sessionId)),
    totp: totp !== undefined && isOf(sessionId)(totp),
    recoveryCodes: recoveryCodesOfSession?.equals(sessionId) ?? false,
  };
}

const keysOf = (path: string, key: string) => ({ $map: { input: path, as: "known", in: `$$known.${key}` } });

/** Adds to what the report says; what it has already stays as it is. */
async function note({ models }: Context, { _id }: Report, added: Added): Promise<void> {
  const inReport = (field: keyof Added) => `$takenOff.${field}`;
  const union = (field: "apiKeys" | "apps") => ({
    $slice: [{ $setUnion: [inReport(field), { $literal: added[field] }] }, limits.reportedKeys],
  });
  const others = (field: "passkeys" | "externalIdentities", key: string, most: number) => ({
    $slice: [
      {
        $concatArrays: [
          inReport(field),
          {
            $filter: {
              input: { $literal: added[field] },
              as: "one",
              cond: { $not: [{ $in: [`$$one.${key}`, keysOf(inReport(field), key)] }] },
            },
          },
        ],
      },
      most,
    ],
  });
  const set = {
    "takenOff.passkeys": others("passkeys", "credentialId", limits.passkeys),
    "takenOff.externalIdentities": others("externalIdentities", "key", limits.identities),
    "takenOff.apiKeys": union("apiKeys"),
    "takenOff.apps": union("apps"),
    ...(added.totp && { "takenOff.totp": true }),
    ...(added.recoveryCodes && { "takenOff.recoveryCodes": true }),
  };
  await models.SignInReport.collection.updateOne({ _id }, [{ $set: set }]);
}

async function unlinkAdded({ models, now }: Context, { userId, sessionId }: Report): Promise<void> {
  const others = notOf("$externalIdentities", sessionId);
  await models.User.collection.updateOne({ _id: userId, "externalIdentities.addedInSession": sessionId }, [
    // Absent when there is none, so that the unique index leaves the user out.
    { $set: { externalIdentities: { $cond: [{ $eq: [others, []] }, "$$REMOVE", others] }, updatedAt: now } },
  ]);
}

async function removeFactors({ models, now }: Context, { userId, sessionId }: Report): Promise<void> {
  const others = notOf("$passkeys", sessionId);
  const unless = (path: string, of: string) => ({ $cond: [{ $eq: [of, sessionId] }, "$$REMOVE", path] });
  const set = {
    passkeys: { $cond: [{ $in: [others, [null, []]] }, "$$REMOVE", others] },
    totp: unless("$totp", "$totp.addedInSession"),
    recoveryCodes: unless("$recoveryCodes", "$recoveryCodesOfSession"),
    // A secret that an authenticator app was shown, and a wait for lost factors, may be the stranger's.
    pendingTotp: "$$REMOVE",
    recovery: "$$REMOVE",
  };
  const added = [
    { "passkeys.addedInSession": sessionId },
    { "totp.addedInSession": sessionId },
    { recoveryCodesOfSession: sessionId },
  ];
  await models.UserFactors.collection.updateOne({ userId, $or: added }, removal(set, now));
}

/** An aggregation expression: the elements of a list that the session did not add; null where there is no list. */
function notOf(path: string, sessionId: Types.ObjectId): Record<string, unknown> {
  return { $filter: { input: path, as: "one", cond: { $ne: ["$$one.addedInSession", sessionId] } } };
}
