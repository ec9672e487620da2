import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { queries } from "../queries/queries.js";
import { findByQuery } from "../queries/run-query.js";
import type { RiskAssessment } from "../schemas/user-session.js";
import { readSession, type Session } from "../stored/session.js";

/** How a session began, and what it was judged then and since. */
export type SessionStart = Pick<Session, "ip" | "userAgent" | "location" | "risk" | "createdAt" | "apiUsage">;

const projection = { ip: 1, userAgent: 1, location: 1, risk: 1, createdAt: 1, apiUsage: 1 } as const;

export async function readSessionStart(
  { models }: Context,
  { userId, sessionId }: { userId: Types.ObjectId; sessionId: Types.ObjectId },
): Promise<SessionStart | undefined> {
  const query = queries.sessionById({ ownerId: userId, id: sessionId });
  const found = await findByQuery(models, query, projection);
  return found && readSession(found);
}

export async function raiseSessionRisk(
  context: Context,
  input: {
    userId: Types.ObjectId;
    sessionId: Types.ObjectId;
    risk: RiskAssessment & { score: number };
  },
): Promise<boolean> {
  const { models } = context;
  const { score, level, reasons } = input.risk;
  const { modifiedCount } = await models.UserSession.collection.updateOne(
    {
      _id: input.sessionId,
      userId: input.userId,
      revokedAt: null,
      // Within $and: beside `_id` a $or may cost a read of the whole collection (SecantusDB).
      $and: [{ $or: [{ "risk.score": null }, { "risk.score": { $lt: score } }] }],
    },
    [
      {
        $set: {
          "risk.signInScore": { $ifNull: ["$risk.signInScore", "$risk.score"] },
          "risk.score": score,
          "risk.level": level === "low" ? "$$REMOVE" : level,
          "risk.reasons": reasons.length > 0 ? { $literal: reasons } : "$$REMOVE",
        },
      },
    ],
  );
  return modifiedCount === 1;
}
