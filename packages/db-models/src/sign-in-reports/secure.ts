import type { Context } from "../context/context.js";
import { IdentityError } from "../core/errors.js";
import { voidPassword } from "../core/passwords.js";
import { undoChangesOfSession } from "../email-changes/undo.js";
import type { UserDocument } from "../schemas/user.js";
import type { StoredPasskey, UserFactorsDocument } from "../schemas/user-factors.js";
import { claimAndEndSessions, endSessionsBefore } from "../sessions/revoke.js";
import { readAgain } from "./due.js";
import type { MadeReport } from "./summary.js";

type Account = Pick<
  UserDocument,
  "passwordHash" | "passwordChangedAt" | "createdAt" | "sessionGeneration" | "externalIdentities"
>;

const accountFields = {
  passwordHash: 1,
  passwordChangedAt: 1,
  createdAt: 1,
  sessionGeneration: 1,
  externalIdentities: 1,
} as const;

const maxAttempts = 20;

/**
 * Locks a password that the stranger may know, and ends every session where anything was to be taken off: the one that
 * reports may be the stranger's, who wants the owner's factors gone. What was mailed is the way back.
 *
 * A password that may be known is not asked to be changed at the next sign-in: who knows it could be first (NIST SP
 * 800-63B-4 section 3.1.1.2: a change is forced on evidence of compromise).
 */
export async function secureAccount(context: Context, report: MadeReport): Promise<void> {
  const email = await undoChangesOfSession(context, report);
  if (email) await noteTaken(context, report, { email });
  // The password opens nothing, and no session goes on.
  if (email === "cancelled" || email === "restored") return noteTaken(context, report, { password: true });
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    if (await isSecured(context, report)) return;
  }
  throw new IdentityError("CONTENTION", "the account is being changed over and over");
}

async function isSecured(context: Context, report: MadeReport): Promise<boolean> {
  const { models, now } = context;
  const { userId, userGeneration } = report;
  const user = await models.User.collection.findOne<Account>({ _id: userId }, { projection: accountFields });
  if (!user) return true;
  const { passwordHash, sessionGeneration: seen } = user;
  const end = { userId, reason: "reported", seen } as const;
  if (isPasswordKnown(user, report) || !(await hasWayIn(context, report, user))) {
    await noteTaken(context, report, { password: true });
    const claim = { passwordHash: passwordHash ?? null };
    const change = {
      $set: await voidPassword(now),
      $unset: { passwordReset: "", passwordResetAt: "" },
    } as const;
    return (await claimAndEndSessions(context, { ...end, claim, change })) !== undefined;
  }
  if (!(await tookAnything(context, report))) return true;
  if (seen !== userGeneration) {
    // They have ended since the report, or an attempt that was killed has left some.
    await endSessionsBefore(context, { ...end, generation: seen });
    return true;
  }
  return (await claimAndEndSessions(context, { ...end, claim: { sessionGeneration: seen } })) !== undefined;
}

/** Whether the sign-in showed the password that there is now, or it was set while the session lived. */
function isPasswordKnown(user: Account, { signIn, reportedAt }: MadeReport): boolean {
  if (!user.passwordHash) return false;
  const setAt = user.passwordChangedAt ?? user.createdAt;
  const { methods, at, endedAt } = signIn;
  const wasShown = methods === undefined || methods.includes("password");
  // A reset ends sessions at the moment from which the password is another one.
  const wasThere = endedAt ? setAt < endedAt : setAt <= reportedAt;
  return wasThere && (wasShown || setAt >= at);
}

/** An account that is left without any could never be its owner's again: a password that nobody knows is set by mail. */
async function hasWayIn({ models }: Context, { userId }: MadeReport, user: Account): Promise<boolean> {
  if (user.passwordHash || user.externalIdentities?.length) return true;
  const factors = await models.UserFactors.collection.findOne<Pick<UserFactorsDocument, "passkeys">>(
    { userId },
    { projection: { passkeys: 1 } },
  );
  return factors?.passkeys?.some(({ verifiesUser }: StoredPasskey) => verifiesUser) ?? false;
}

async function tookAnything(context: Context, { _id }: MadeReport): Promise<boolean> {
  const { takenOff } = (await readAgain(context, _id)) ?? {};
  if (!takenOff) return false;
  const { passkeys, externalIdentities, apiKeys, apps, totp, recoveryCodes } = takenOff;
  const lists = [passkeys, externalIdentities, apiKeys, apps];
  return totp || recoveryCodes || lists.some(({ length }) => length > 0);
}

async function noteTaken(
  { models }: Context,
  { _id }: MadeReport,
  taken: { email: "cancelled" | "restored" | "taken" } | { password: true },
): Promise<void> {
  const set = Object.fromEntries(Object.entries(taken).map(([field, value]) => [`takenOff.${field}`, value]));
  await models.SignInReport.collection.updateOne({ _id }, { $set: set });
}
