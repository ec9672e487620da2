import { setTimeout } from "node:timers/promises";
import { type Identity, openIdentity } from "@org/db-models";
import { randomKey } from "@org/db-models/core";
import type { mongo } from "mongoose";
import { type Comparison, compare } from "./measure.js";
import { filterOf } from "./sessions.js";

export interface SessionCacheBenchmarks {
  /** A check from memory against one `findOne` by the same filter. */
  readonly validate: Comparison;
  /** Share of the checks that memory answered. */
  readonly fromMemory: number;
  /** Milliseconds that a heartbeat took to come back, on average, and the longest. */
  readonly echo: { readonly mean: number; readonly longest: number };
}

const users = 500;

/** Checks of sessions that are in memory, while heartbeats vouch for it, against the read that they stand for. */
export async function benchmarkSessionCache(uri: string): Promise<SessionCacheBenchmarks> {
  const identity = await openIdentity(uri, { sessionCache: {} });
  try {
    const tokens = await openSessions(identity);
    const filters = tokens.map(filterOf);
    const sessions = identity.models.UserSession.collection as unknown as mongo.Collection;
    while (!identity.sessionCacheMetrics()?.trusted) {
      await identity.sessions.validate(tokens[0]);
      await setTimeout(10);
    }
    for (const token of tokens) await identity.sessions.validate(token);
    const before = identity.sessionCacheMetrics()?.hits ?? 0;
    let checks = 0;
    const validate = await compare(
      (index) => {
        checks += 1;
        return identity.sessions.validate(tokens[index % users]);
      },
      (index) => sessions.findOne(filters[index % users] as object),
    );
    const { hits = 0, echoMs = 0, echoes = 1, longestEchoMs = 0 } = identity.sessionCacheMetrics() ?? {};
    const echo = { mean: echoMs / echoes, longest: longestEchoMs };
    return { validate, fromMemory: (hits - before) / checks, echo };
  } finally {
    await identity.close();
  }
}

async function openSessions(identity: Identity): Promise<string[]> {
  const now = new Date();
  const accounts = Array.from({ length: users }, (_, at) => {
    const fields = { email: `cache-${at}-${randomKey()}@example.com`, auditKey: randomKey() };
    return new identity.models.User({ ...fields, createdAt: now, updatedAt: now }).toObject();
  });
  await identity.models.User.collection.insertMany(accounts);
  const tokens: string[] = [];
  for (const { _id: userId } of accounts) tokens.push((await identity.sessions.open({ userId })).token);
  return tokens;
}

/** For people. */
export function readableSessionCache({ validate, fromMemory, echo }: SessionCacheBenchmarks): string[] {
  const { subject, baseline, ratio } = validate;
  const times = (share: number) => `${(1 / share).toFixed(0)}x`;
  return [
    `session cache, a check from memory: p50 ${(subject.p50 * 1_000).toFixed(1)} us, one findOne ${(baseline.p50 * 1_000).toFixed(0)} us: ${times(ratio.median)} as fast (${times(ratio.high)} to ${times(ratio.low)}), ${(fromMemory * 100).toFixed(1)} % from memory`,
    `session cache, a heartbeat comes back after ${echo.mean.toFixed(1)} ms on average, ${echo.longest.toFixed(1)} at the longest`,
  ];
}
