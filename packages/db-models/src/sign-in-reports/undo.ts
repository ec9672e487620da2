import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { isDuplicateKey } from "../core/errors.js";
import { limits } from "../core/limits.js";
import { changeFactors, garbageUnlessEnabled } from "../factors/changes.js";
import { withdrawReport } from "../risk/feedback.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";
import type { ExternalIdentity, UserDocument } from "../schemas/user.js";
import type { StoredPasskey, UserFactorsDocument } from "../schemas/user-factors.js";
import { recordSecurityEvent } from "../security-events/events.js";
import { readAgain, resumeAfterMs } from "./due.js";
import { type MadeReport, type SignInReport, summarise } from "./summary.js";

export type SignInReportUndo =
  | { ok: true; report: SignInReport }
  /** `under_way`: the report is not carried out yet. */
  | { ok: false; reason: "unknown" | "under_way" | "expired" | "undone" };

export async function undoReport(
  context: Context,
  { userId, id: _id }: { userId: Types.ObjectId; id: Types.ObjectId },
): Promise<SignInReportUndo> {
  const { models, now } = context;
  const { matchedCount } = await models.SignInReport.collection.updateOne(
    { _id, userId, state: "done", undoUntil: { $gt: now } },
    { $set: { state: "undoing", sweepAt: new Date(now.getTime() + resumeAfterMs) } },
  );
  const report = await readAgain(context, _id);
  if (!report?.userId.equals(userId)) return { ok: false, reason: "unknown" };
  if (matchedCount === 0) return { ok: false, reason: refusalOf(report) };
  await giveBack(context, report);
  const undone = await readAgain(context, _id);
  return undone ? { ok: true, report: summarise(undone) } : { ok: false, reason: "unknown" };
}

function refusalOf({ state }: MadeReport): "under_way" | "expired" | "undone" {
  if (state === "pending") return "under_way";
  return state === "done" ? "expired" : "undone";
}

/** Gives back passkeys and linked identities, as far as nobody else has them by now; may be done again. */
export async function giveBack(context: Context, report: MadeReport): Promise<void> {
  const { models, now } = context;
  const { _id, userId, sessionId, takenOff } = report;
  for (const passkey of takenOff.passkeys) await restorePasskey(context, userId, passkey);
  for (const identity of takenOff.externalIdentities) await restoreIdentity(context, userId, identity);
  await withdrawReport(context, { userId, aboutSessionId: sessionId });
  const restored = await countRestored(context, report);
  const event = { userId, sessionId, kind: "sign_in_reported", severity: "warning" } as const;
  await recordSecurityEvent(context, { ...event, reasons: ["undone"] });
  await models.SignInReport.collection.updateOne(
    { _id, state: "undoing" },
    { $set: { state: "undone", undoneAt: now, restored }, $unset: { sweepAt: "" } },
  );
}

// Without the session that added it: the report may be gone through once more.
const restoredForm = <T extends { addedInSession?: unknown }>({ addedInSession: _, ...rest }: T) => rest;

async function restorePasskey(
  context: Context,
  userId: Types.ObjectId,
  passkey: StoredPasskey,
): Promise<void> {
  const { models, now } = context;
  // The document may have gone as garbage with its last factor.
  await changeFactors(context, userId, { purgeAt: garbageUnlessEnabled(now) });
  const isFull = { [`passkeys.${limits.passkeys - 1}`]: { $exists: false } };
  const vacant = { userId, ...isFull, "passkeys.credentialId": { $ne: passkey.credentialId } };
  const stored = { $ifNull: ["$passkeys", []] };
  const set = {
    passkeys: { $concatArrays: [stored, [{ $literal: restoredForm(passkey) }]] },
    enabledAt: { $ifNull: ["$enabledAt", now] },
    purgeAt: "$$REMOVE",
    updatedAt: now,
  };
  await unlessTaken(() => models.UserFactors.collection.updateOne(vacant, [{ $set: set }]));
}

async function restoreIdentity(
  { models, now }: Context,
  userId: Types.ObjectId,
  identity: ExternalIdentity,
): Promise<void> {
  const isFull = { [`externalIdentities.${limits.identities - 1}`]: { $exists: false } };
  const vacant = { _id: userId, ...isFull, "externalIdentities.key": { $ne: identity.key } };
  const push = { externalIdentities: restoredForm(identity) };
  await unlessTaken(() =>
    models.User.collection.updateOne(vacant, {
      $push: push,
      $set: { updatedAt: now, schemaVersion: currentSchemaVersion },
    } as Record<string, object>),
  );
}

/** The unique index decides whose it is. */
async function unlessTaken(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
}

async function countRestored({ models }: Context, { userId, takenOff }: MadeReport): Promise<number> {
  const [user, factors] = await Promise.all([
    models.User.collection.findOne<Pick<UserDocument, "externalIdentities">>(
      { _id: userId },
      { projection: { externalIdentities: 1 } },
    ),
    models.UserFactors.collection.findOne<Pick<UserFactorsDocument, "passkeys">>(
      { userId },
      { projection: { passkeys: 1 } },
    ),
  ]);
  const keys = new Set(user?.externalIdentities?.map(({ key }) => key.toString("hex")));
  const ids = new Set(factors?.passkeys?.map(({ credentialId }) => credentialId));
  const identities = takenOff.externalIdentities.filter(({ key }) => keys.has(key.toString("hex")));
  return identities.length + takenOff.passkeys.filter(({ credentialId }) => ids.has(credentialId)).length;
}
