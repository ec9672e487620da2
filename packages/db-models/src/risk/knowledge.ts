import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { sha256 } from "../core/secrets.js";
import { queries } from "../queries/queries.js";
import { findByQuery, runQuery } from "../queries/run-query.js";
import type { LoginFeedback } from "../schemas/login-profile.js";

/** One counter of a risk engine's population statistics. */
export interface RiskCounterKey {
  feature: string;
  level: string;
  value: string;
}

/** Knowledge for the assessment of a sign-in; fits `assess` of `@org/risk-engine`. */
export interface RiskKnowledge {
  /** As it was stored; the engine decides whether it is sound. */
  profile: unknown;
  /** The person's feedback on earlier sign-ins. */
  feedback: readonly LoginFeedback[];
  population: {
    count(feature: string, level: string, value: string): number;
    totals(): { logins: number; users: number };
  };
}

/** A risk engine's own kind of key in the database: the value itself is not to be read there. */
export function counterHashOf({ feature, level, value }: RiskCounterKey): Buffer {
  return sha256(`risk:${feature}:${level}:${value}`);
}

/** The key of what is counted over all sign-ins. */
export const totalsHash = sha256("risk:totals");

export async function readRiskKnowledge(
  context: Context,
  input: { userId: Types.ObjectId; keys: readonly RiskCounterKey[] },
): Promise<RiskKnowledge> {
  const { models } = context;
  const hashes = [totalsHash, ...input.keys.map(counterHashOf)];
  const [stored, counters] = await Promise.all([
    findByQuery(models, queries.loginProfileOf("user", input.userId.toHexString()), {
      profile: 1,
      feedback: 1,
    }),
    runQuery(models, queries.riskCountersOf(hashes), { key: 1, logins: 1, users: 1 }),
  ]);
  const byKey = new Map(counters.map((counter) => [counter.key.toString("hex"), counter]));
  const totals = byKey.get(totalsHash.toString("hex"));
  return {
    profile: stored?.profile,
    feedback: stored?.feedback ?? [],
    population: {
      count: (feature, level, value) =>
        byKey.get(counterHashOf({ feature, level, value }).toString("hex"))?.logins ?? 0,
      totals: () => ({ logins: totals?.logins ?? 0, users: totals?.users ?? 0 }),
    },
  };
}
