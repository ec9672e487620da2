import type { Types } from "mongoose";
import type { CounterRules } from "../core/policies/login-defence.js";
import type { LoginCounter } from "../schemas/login-profile.js";

type Expression = Record<string, unknown>;

/** One attempt, as a counter decides on it. */
export interface CountedAttempt {
  id: Types.ObjectId;
  now: Date;
  /** True when the attempt need not wait for the delay. */
  skipsDelay: boolean;
}

/**
 * An aggregation expression: the counter after an attempt. An attempt that is admitted is counted as a failure at once
 * and leaves its id, so whether it was admitted is read off the result; one that is not admitted changes nothing. So
 * of parallel attempts the server admits as many as are free, and of a delay's end one.
 *
 * @param path - of the counter, such as `$counter` or `$$device.counter`.
 */
export function counterAfter(path: string, rules: CounterRules, attempt: CountedAttempt): Expression {
  const { now, id, skipsDelay } = attempt;
  const { free, forgetMs, firstDelayMs, maxDelayMs, cap } = rules;
  const at = now.getTime();
  const knownAt = millisecondsOf(`${path}.forgottenAt`, now);
  const forgotten = { $floor: { $divide: [{ $max: [0, { $subtract: [at, knownAt] }] }, forgetMs] } };
  const failures = { $max: [0, { $subtract: [{ $ifNull: [`${path}.failures`, 0] }, "$$forgotten"] }] };
  // A delay that ends further ahead than any delay lasts was written before a clock was set back.
  const ahead = { $subtract: [millisecondsOf(`${path}.delayedUntil`, now), at] };
  const delayed = {
    $and: [
      !skipsDelay,
      { $gt: ["$$ahead", 0] },
      { $lte: ["$$ahead", maxDelayMs] },
      { $gte: ["$$failures", free] },
    ],
  };
  const counted = { $min: [cap, { $add: ["$$failures", 1] }] };
  const doublings = { $max: [0, { $subtract: ["$$counted", free] }] };
  const doubled = { $multiply: [firstDelayMs, { $pow: [2, doublings] }] };
  const delay = { $cond: [{ $gte: ["$$counted", free] }, { $min: [maxDelayMs, doubled] }, 0] };
  const stillKnown = { $min: [at, { $add: [knownAt, { $multiply: ["$$forgotten", forgetMs] }] }] };
  const after = {
    failures: "$$counted",
    forgottenAt: { $cond: [{ $eq: ["$$failures", 0] }, now, dateOf(stillKnown)] },
    delayedUntil: dateOf({ $add: [at, delay] }),
    attempt: id,
  };
  const admitted = bind({ counted }, after);
  const unchanged = { $ifNull: [path, { failures: 0 }] };
  return bind({ forgotten, ahead }, bind({ failures }, { $cond: [delayed, unchanged, admitted] }));
}

function millisecondsOf(field: string, otherwise: Date): Expression {
  return { $toLong: { $ifNull: [field, otherwise] } };
}

function dateOf(milliseconds: Expression): Expression {
  return { $toDate: { $toLong: milliseconds } };
}

function bind(vars: Expression, inside: Expression): Expression {
  return { $let: { vars, in: inside } };
}

/** An aggregation expression: the counter without an attempt that turned out to be none of its failures. */
export function counterWithout(path: string, id: Types.ObjectId, now: Date): Expression {
  const failures = { $max: [0, { $subtract: [{ $ifNull: [`${path}.failures`, 0] }, 1] }] };
  const isLast = { $eq: [`${path}.attempt`, id] };
  const delayedUntil = { $cond: [isLast, now, { $ifNull: [`${path}.delayedUntil`, now] }] };
  return { $mergeObjects: [path, { failures, delayedUntil }] };
}

/** A counter's answer to an attempt. */
export interface CounterAnswer {
  admitted: boolean;
  challenge: boolean;
  retryAfterMs: number;
  /** True when this attempt, should it fail, is the one from which on there are delays. */
  beginsDelay: boolean;
  /** Failures before this attempt that are not forgotten yet. */
  failures: number;
}

/** Reads the answer off the counter that the update left. */
export function answerOf(
  counter: LoginCounter,
  rules: CounterRules,
  { id, now }: CountedAttempt,
): CounterAnswer {
  const admitted = counter.attempt?.equals(id) ?? false;
  const ahead = (counter.delayedUntil?.getTime() ?? 0) - now.getTime();
  return {
    admitted,
    challenge: counter.failures + (admitted ? 0 : 1) > rules.challengeAfter,
    retryAfterMs: admitted ? 0 : Math.min(Math.max(ahead, 1), rules.maxDelayMs),
    beginsDelay: admitted && counter.failures === rules.free,
    failures: Math.max(0, counter.failures - (admitted ? 1 : 0)),
  };
}
