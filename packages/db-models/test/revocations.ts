import { setTimeout } from "node:timers/promises";
import type { WaitingChild } from "@org/dev-kit/children";
import { Types } from "mongoose";
import { expect } from "vitest";
import type { Identity, SessionCacheMetrics } from "../src/index.js";
import type { Refusal } from "./children/session-checker.js";
import { makeUser } from "./database.js";

/** A session that is about to end, and when that was acknowledged. */
interface Ending {
  readonly token: string;
  readonly acknowledgedAt: bigint;
}

export interface Delays {
  readonly revocations: number;
  /** Milliseconds after the acknowledgement at which a check that began was still accepted: the longest. */
  readonly longestMs: number;
  /** Tokens that memory accepted after the acknowledgement. */
  readonly acceptedAfter: number;
}

type Ending1 = (
  identity: Identity,
  session: { userId: Types.ObjectId; id: Types.ObjectId; token: string },
) => Promise<unknown>;

const endings: readonly Ending1[] = [
  (identity, { userId, id }) => identity.sessions.revoke({ userId, sessionId: id }),
  (identity, { userId }) => identity.sessions.revokeAll({ userId }),
  (identity, { token }) => identity.sessions.refresh(token),
  (identity, { userId }) => identity.users.setStatus({ userId, status: "suspended" }),
  (identity, { userId }) => identity.privacy.erase({ userId }),
];

/** Opens sessions, has a checker watch them, and ends them one by one, in turn in each way, at random moments. */
export async function endAtRandom(
  identity: Identity,
  checker: WaitingChild,
  {
    sessions,
    random,
    during,
  }: { sessions: number; random: () => number; during?: (at: number) => Promise<void> },
): Promise<Ending[]> {
  const opened: { userId: Types.ObjectId; id: Types.ObjectId; token: string }[] = [];
  for (let count = 0; count < sessions; count++) {
    const { _id: userId } = await makeUser(identity.models, { email: `${new Types.ObjectId()}@example.com` });
    const { id, token } = await identity.sessions.open({ userId });
    opened.push({ userId, id, token });
  }
  checker.tell(JSON.stringify(opened.map(({ token }) => token)));
  const ended: Ending[] = [];
  for (const [at, session] of opened.entries()) {
    await setTimeout(random() * 30);
    await during?.(at);
    await endings[at % endings.length]?.(identity, session);
    ended.push({ token: session.token, acknowledgedAt: process.hrtime.bigint() });
  }
  return ended;
}

/** Waits until the checker has refused each, and says how late it was. */
export async function delaysOf(
  checker: WaitingChild,
  ended: readonly Ending[],
  boundMs: number,
): Promise<Delays> {
  for (const { token } of ended) await checker.hasPrinted(`"token":"${token}"`);
  const refusals = new Map(
    checker
      .printed()
      .split("\n")
      .filter((line) => line.startsWith('{"token"') && line.endsWith("}"))
      .map((line) => JSON.parse(line) as Refusal)
      .map((refusal) => [refusal.token, refusal]),
  );
  const late = ended.map(({ token, acknowledgedAt }) => {
    const { acceptedAt = "0" } = refusals.get(token) ?? {};
    return Number(BigInt(acceptedAt) - acknowledgedAt) / 1e6;
  });
  const delays = {
    revocations: ended.length,
    longestMs: Math.max(0, ...late),
    acceptedAfter: late.filter((ms) => ms > 0).length,
  };
  expect(delays.longestMs).toBeLessThan(boundMs);
  return delays;
}

/** Ends a checker. */
export async function metricsAtEnd(checker: WaitingChild): Promise<SessionCacheMetrics> {
  checker.tell("");
  await checker.exited;
  const last = checker.printed().trim().split("\n").at(-1) ?? "";
  return JSON.parse(last) as SessionCacheMetrics;
}

export const shareFromMemory = ({ hits, joined, misses }: SessionCacheMetrics): number =>
  hits / (hits + joined + misses.absent + misses.lapsed + misses.over);
