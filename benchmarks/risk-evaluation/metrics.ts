import type { Scores } from "./run.js";
import type { Attacker, Frequency, Variant, World } from "./world.js";

/** Several runs of one model, over worlds of several seeds, looked at as one. */
export interface Pooled {
  readonly model: string;
  readonly users: ReadonlyArray<{
    readonly scores: readonly number[];
    readonly frequency: Frequency | undefined;
  }>;
  readonly attacks: ReadonlyMap<Attacker | Variant, readonly number[]>;
}

export function pool(runs: ReadonlyArray<readonly [Scores, World]>): Pooled {
  const users = runs.flatMap(([scores, world]) =>
    [...scores.legitimate].map(([user, own]) => ({ scores: own, frequency: world.frequencyOf.get(user) })),
  );
  const kinds = new Set(runs.flatMap(([{ attacks }]) => [...attacks.keys()]));
  const attacks = new Map(
    [...kinds].map((attacker) => [
      attacker,
      runs.flatMap(([scores]) => [...(scores.attacks.get(attacker) ?? [])]).sort((a, b) => a - b),
    ]),
  );
  return { model: runs[0]?.[0].model ?? "", users, attacks };
}

/** The highest threshold at which at least this share of the attacks is stopped. */
export function thresholdFor({ attacks }: Pooled, attacker: Attacker | Variant, rate: number): number {
  const rising = attacks.get(attacker) ?? [];
  return rising[Math.floor((1 - rate) * rising.length + 1e-9)] ?? Number.NEGATIVE_INFINITY;
}

/** Re-authentications of each user with that many scored sign-ins, among the first n of them. */
export function reauthentications(
  pooled: Pooled,
  threshold: number,
  n: number,
  frequency?: Frequency,
): { users: number; median: number; mean: number } {
  const counts = pooled.users
    .filter((user) => user.scores.length >= n && (!frequency || user.frequency === frequency))
    .map(({ scores }) => scores.slice(0, n).filter((score) => score >= threshold).length)
    .sort((a, b) => a - b);
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return { users: counts.length, median: counts[Math.floor((counts.length - 1) / 2)] ?? Number.NaN, mean };
}

/** Share of the sign-ins with so much history, from n = 1 up, that are asked for more. */
export function challengeRate({ users }: Pooled, threshold: number, mostHistory: number): number {
  const scores = users.flatMap(({ scores }) => scores.slice(0, mostHistory));
  return scores.filter((score) => score >= threshold).length / scores.length;
}

/** Probability that an attack scores higher than a legitimate sign-in; ties count half. */
export function rocAuc({ users, attacks }: Pooled, attacker: Attacker | Variant): number {
  const bad = attacks.get(attacker) ?? [];
  const all = [
    ...users.flatMap(({ scores }) => scores.map((score) => ({ score, attack: 0 }))),
    ...bad.map((score) => ({ score, attack: 1 })),
  ].sort((a, b) => a.score - b.score);
  let rankSum = 0;
  for (let start = 0; start < all.length; ) {
    let end = start;
    while (end < all.length && all[end]?.score === all[start]?.score) end += 1;
    const attacked = all.slice(start, end).reduce((sum, { attack }) => sum + attack, 0);
    rankSum += attacked * ((start + 1 + end) / 2);
    start = end;
  }
  const good = all.length - bad.length;
  return (rankSum - (bad.length * (bad.length + 1)) / 2) / (bad.length * good);
}
