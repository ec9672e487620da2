import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { IdentityError, isDuplicateKey } from "../core/errors.js";
import { limits } from "../core/limits.js";
import { addressText } from "../core/network.js";
import { forgottenAt } from "../core/profile-retention.js";
import {
  type FeedbackVerdict,
  feedbackVerdicts,
  type LoginFeedback,
  type LoginProfileDocument,
} from "../schemas/login-profile.js";
import type { IdentityModels } from "../schemas/models.js";
import { currentSchemaVersion } from "../schemas/parts/version.js";

/** A person's feedback on a sign-in, from another session than the one that it opened. */
export interface RiskFeedbackInput {
  userId: Types.ObjectId;
  verdict: FeedbackVerdict;
  /** The session that the sign-in opened; it may have ended. */
  aboutSessionId: Types.ObjectId;
  /** The session that it is said from; of a mail, whatever stands for that mail. */
  fromSessionId: Types.ObjectId;
}

export async function recordRiskFeedback(
  context: Context,
  { userId, verdict, aboutSessionId, fromSessionId }: RiskFeedbackInput,
): Promise<boolean> {
  const { models, now } = context;
  const projection = { ip: 1, userAgent: 1 } as const;
  const about = await models.UserSession.collection.findOne({ _id: aboutSessionId, userId }, { projection });
  if (!about) return false;
  const { userAgent } = about as Pick<LoginFeedback, "userAgent">;
  const ip = about.ip && addressText(about.ip as Buffer);
  const feedback: LoginFeedback = {
    verdict,
    at: now,
    aboutSessionId,
    fromSessionId,
    ...(ip && { ip }),
    ...(userAgent && { userAgent }),
  };
  await store(models, { subject: "user", key: userId.toHexString() }, feedback, now);
  return true;
}

/** Takes back that somebody disowned a sign-in. */
export async function withdrawReport(
  { models, now }: Context,
  { userId, aboutSessionId }: Pick<RiskFeedbackInput, "userId" | "aboutSessionId">,
): Promise<void> {
  await models.LoginProfile.collection.updateOne({ subject: "user", key: userId.toHexString() }, {
    $pull: { feedback: { aboutSessionId, verdict: "not_mine" } },
    $set: { updatedAt: now },
  } as Record<string, object>);
}

const maxAttempts = 50;

// The list that was read is named in the filter, so that what two sessions say at once is both kept.
async function store(
  { LoginProfile }: IdentityModels,
  subject: { subject: "user"; key: string },
  said: LoginFeedback,
  now: Date,
): Promise<void> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const stored = await LoginProfile.collection.findOne(subject, { projection: { feedback: 1 } });
    const known = (stored as Pick<LoginProfileDocument, "feedback"> | null)?.feedback;
    const set = { feedback: withFeedback(known ?? [], said), updatedAt: now, purgeAt: forgottenAt(now) };
    const fresh = { counter: { failures: 0 }, devices: [], schemaVersion: currentSchemaVersion };
    try {
      const { matchedCount, upsertedCount } = await LoginProfile.collection.updateOne(
        { ...subject, feedback: known ?? null },
        { $set: set, $setOnInsert: fresh },
        { upsert: true },
      );
      if (matchedCount + upsertedCount > 0) return;
    } catch (error) {
      // The profile is there, with another list than was read.
      if (!isDuplicateKey(error)) throw error;
    }
  }
  throw new IdentityError("CONTENTION", "others spoke of this account all the time");
}

/**
 * The list with one more: what was confirmed first, then what was disowned, each in the order in which it was said. When
 * it is too long, confirmations go first; of reports, the oldest of the session that has made the most, so that a thief
 * with a session can't push the owner's report out by making many.
 */
function withFeedback(known: readonly LoginFeedback[], said: LoginFeedback): LoginFeedback[] {
  const isOther = ({ verdict, aboutSessionId }: LoginFeedback) =>
    verdict !== said.verdict || !said.aboutSessionId.equals(aboutSessionId);
  const all = [...known.filter(isOther), said];
  const ordered = feedbackVerdicts.flatMap((kind) => all.filter(({ verdict }) => verdict === kind));
  while (ordered.length > limits.riskFeedback) ordered.splice(leastMissed(ordered), 1);
  return ordered;
}

function leastMissed(ordered: readonly LoginFeedback[]): number {
  if (ordered[0]?.verdict === "mine") return 0;
  const counts = new Map<string, number>();
  for (const { fromSessionId } of ordered) {
    const key = fromSessionId.toHexString();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const most = Math.max(...counts.values());
  return ordered.findIndex(({ fromSessionId }) => counts.get(fromSessionId.toHexString()) === most);
}
