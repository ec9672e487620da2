import type { Clock } from "../core/clock.js";
import type { Report } from "../core/errors.js";
import type { IdentityPolicies } from "../core/policies/identity.js";
import type { BreachedPasswords } from "../core/pwned-passwords.js";
import type { SealKey } from "../core/seal-keys.js";
import type { IdentityModels } from "../schemas/models.js";
import type { SessionCache } from "../session-cache/session-cache.js";
import { EvaluatedAttempts } from "./evaluated-attempts.js";
import { Turns } from "./turns.js";

/** State that all calls of one identity object share. */
export interface Shared {
  readonly models: IdentityModels;
  readonly policies: IdentityPolicies;
  readonly clock: Clock;
  /** The keys that secrets at rest are sealed with, the current one first. */
  readonly sealKeys: readonly SealKey[];
  /** Whether a new password is known from a breach; without it nobody is asked. */
  readonly isBreached: BreachedPasswords | undefined;
  /** Told of what failed and stopped nothing. */
  readonly onError: Report;
  /** Memory that answers checks; absent where every check reads. */
  readonly cache?: SessionCache | undefined;
  /** The logins of one user that this process opens sessions for, one after the other. */
  readonly turns: Turns;
  /** The login attempts that this process is deciding on. */
  readonly attempts: EvaluatedAttempts;
}

/** Context of one call of an operation: the shared state, at one moment from its begin to its end. */
export interface Context extends Shared {
  readonly now: Date;
}

/** Shared state of a new identity object. */
export function shared(state: Omit<Shared, "turns" | "attempts">): Shared {
  return { ...state, turns: new Turns(), attempts: new EvaluatedAttempts() };
}

/** The context of a call that begins now. */
export function begin(identity: Shared): Context {
  // By name: to spread an object of so many members takes a third of a check from memory.
  const { models, policies, clock, sealKeys, isBreached, onError, cache, turns, attempts } = identity;
  const now = clock.now();
  return { models, policies, clock, sealKeys, isBreached, onError, cache, turns, attempts, now };
}

/** Binds operations to an identity object: each call gets a context of its own. */
export function operationsOf(identity: Shared) {
  return <I extends unknown[], R>(act: (context: Context, ...input: I) => R): ((...input: I) => R) =>
    (...input) =>
      act(begin(identity), ...input);
}
