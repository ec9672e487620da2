import { setTimeout } from "node:timers/promises";
import type { WaitingChild } from "@org/dev-kit/children";
import { expect } from "vitest";
import type { Identity, SessionCacheMetrics } from "../src/index.js";
import type { Refusal } from "./children/session-checker.js";
import { openRevocable, type Revocable } from "./revocable.js";

/** A token that has ended, and when that was acknowledged. */
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

/** Opens sessions, keys and tokens, has a checker watch them, and ends them one by one, in turn in each way, at random moments. */
export async function endAtRandom(
  identity: Identity,
  checker: WaitingChild,
  {
    tokens,
    random,
    during,
  }: { tokens: number; random: () => number; during?: (at: number) => Promise<void> },
): Promise<Ending[]> {
  const opened: Revocable[] = [];
  for (let count = 0; count < tokens; count++) opened.push(await openRevocable(identity, count));
  checker.tell(JSON.stringify(opened.map(({ token }) => token)));
  const ended: Ending[] = [];
  for (const [at, { token, revoke }] of opened.entries()) {
    await setTimeout(random() * 30);
    await during?.(at);
    await revoke();
    ended.push({ token, acknowledgedAt: process.hrtime.bigint() });
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
