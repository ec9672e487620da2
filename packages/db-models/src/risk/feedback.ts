import type { Types } from "mongoose";
import type { IdentityModels } from "../models.js";
import { currentSchemaVersion, limits } from "../schemas/common.js";
import { type FeedbackVerdict, feedbackVerdicts, type LoginFeedback } from "../schemas/login-profile.js";
import { purgeAtOf } from "./recorder.js";

/** What a person says of a sign-in, from another session than the one that it opened. */
export interface RiskFeedbackInput {
  userId: Types.ObjectId;
  verdict: FeedbackVerdict;
  /** The session that the sign-in opened; it may have ended. */
  aboutSessionId: Types.ObjectId;
  /** The session that it is said from. */
  fromSessionId: Types.ObjectId;
}

/**
 * Keeps what a person said of a sign-in beside their profile, where the next judgement reads it: the newest few, and of
 * these whatever was disowned before what was confirmed, so that nobody can push a report out by confirming more.
 *
 * @returns false when the user has no such session, or no longer.
 */
export async function recordRiskFeedback(
  { UserSession, LoginProfile }: IdentityModels,
  { userId, verdict, aboutSessionId, fromSessionId }: RiskFeedbackInput,
  now: Date,
): Promise<boolean> {
  const projection = { ip: 1, userAgent: 1 } as const;
  const about = await UserSession.collection.findOne({ _id: aboutSessionId, userId }, { projection });
  if (!about) return false;
  const { ip, userAgent } = about as Pick<LoginFeedback, "ip" | "userAgent">;
  const feedback: LoginFeedback = {
    verdict,
    at: now,
    aboutSessionId,
    fromSessionId,
    ...(ip && { ip }),
    ...(userAgent && { userAgent }),
  };
  const subject = { subject: "user", key: userId.toHexString() };
  await LoginProfile.collection.updateOne(subject, [{ $set: withFeedback(feedback, now) }], { upsert: true });
  return true;
}

// In one update, so that what two sessions say at once is both kept. The last stay: what was disowned stands behind.
function withFeedback(feedback: LoginFeedback, now: Date) {
  const { verdict, aboutSessionId } = feedback;
  const isSame = {
    $and: [{ $eq: ["$$one.verdict", verdict] }, { $eq: ["$$one.aboutSessionId", aboutSessionId] }],
  };
  const others = (kind: FeedbackVerdict) => ({
    $filter: {
      input: { $ifNull: ["$feedback", []] },
      as: "one",
      cond: { $and: [{ $eq: ["$$one.verdict", kind] }, { $not: isSame }] },
    },
  });
  const said = (kind: FeedbackVerdict) => ({ $literal: verdict === kind ? [feedback] : [] });
  const all = feedbackVerdicts.flatMap((kind) => [others(kind), said(kind)]);
  return {
    feedback: { $slice: [{ $concatArrays: all }, -limits.riskFeedback] },
    counter: { $ifNull: ["$counter", { failures: 0 }] },
    devices: { $ifNull: ["$devices", []] },
    updatedAt: now,
    purgeAt: purgeAtOf(now),
    schemaVersion: currentSchemaVersion,
  };
}
