import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import type { RiskAssessment, UserSessionDocument } from "../schemas/user-session.js";

/** How a session began, and what it was judged then and since. */
export type SessionStart = Pick<
  UserSessionDocument,
  "ip" | "userAgent" | "location" | "risk" | "createdAt" | "apiUsage"
>;

const projection = { ip: 1, userAgent: 1, location: 1, risk: 1, createdAt: 1, apiUsage: 1 } as const;

export async function readSessionStart(
  context: Context,
  sessionId: Types.ObjectId,
): Promise<SessionStart | undefined> {
  const { models } = context;
  const found = await models.UserSession.collection.findOne({ _id: sessionId }, { projection });
  return (found ?? undefined) as SessionStart | undefined;
}

export async function raiseSessionRisk(
  context: Context,
  input: { sessionId: Types.ObjectId; risk: RiskAssessment & { score: number } },
): Promise<boolean> {
  const { models } = context;
  const { score, level, reasons } = input.risk;
  const { modifiedCount } = await models.UserSession.collection.updateOne(
    {
      _id: input.sessionId,
      revokedAt: null,
      // Within $and: beside `_id` a $or may cost a read of the whole collection (SecantusDB).
      $and: [{ $or: [{ "risk.score": null }, { "risk.score": { $lt: score } }] }],
    },
    [
      {
        $set: {
          "risk.signInScore": { $ifNull: ["$risk.signInScore", "$risk.score"] },
          "risk.score": score,
          "risk.level": level,
          "risk.reasons": { $literal: reasons },
        },
      },
    ],
  );
  return modifiedCount === 1;
}
