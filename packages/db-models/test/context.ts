import { type Context, type Shared, shared } from "../src/context/context.js";
import { parseInput } from "../src/core/input.js";
import { type IdentityPoliciesInput, identityPoliciesSchema } from "../src/core/policies/identity.js";
import type { IdentityModels } from "../src/index.js";

/** The key that tests seal with. */
export const sealKeys = [{ id: "current", key: "c".repeat(43) }];

/** State that calls on the models of one connection share in a test, as those of one identity object do. */
const sharedBy = new WeakMap<object, Shared>();

/** The context of a call at a moment, under the default policies but for those given. */
export function contextAt(
  models: IdentityModels,
  now: Date = new Date(),
  policies: IdentityPoliciesInput = {},
): Context {
  const clock = { now: () => now };
  const known =
    sharedBy.get(models.User) ??
    shared({
      models,
      policies: identityPoliciesSchema.parse({}),
      clock,
      sealKeys,
      isBreached: undefined,
      onError: () => undefined,
    });
  sharedBy.set(models.User, known);
  return { ...known, models, policies: parseInput(identityPoliciesSchema, policies), clock, now };
}
