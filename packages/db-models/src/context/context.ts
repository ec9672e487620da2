import type { Clock } from "../core/clock.js";
import type { IdentityPolicies } from "../core/policies/identity.js";
import type { IdentityModels } from "../schemas/models.js";

/** What the operations of one identity object share. */
export interface Context {
  readonly models: IdentityModels;
  readonly policies: IdentityPolicies;
  readonly clock: Clock;
}

/** An operation that needs no time, bound to a context. */
export function bound<I extends unknown[], R>(
  { models }: Context,
  act: (models: IdentityModels, ...input: I) => R,
): (...input: I) => R {
  return (...input) => act(models, ...input);
}

/** An operation at a moment, which the clock of a context tells. */
export function timed<I, R>(
  { models, clock }: Context,
  act: (models: IdentityModels, input: I, now: Date) => R,
): (input: I) => R {
  return (input) => act(models, input, clock.now());
}

/** An operation at a moment that a policy governs. */
export function governed<I, P, R>(
  { models, clock }: Context,
  act: (models: IdentityModels, input: I, now: Date, policy: P) => R,
  policy: P,
): (input: I) => R {
  return (input) => act(models, input, clock.now(), policy);
}
