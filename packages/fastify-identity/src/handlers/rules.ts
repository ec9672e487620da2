import { z } from "zod";
import type { IdentityAccess } from "../access.js";
import type { AppIdentity } from "../app-identity.js";
import { OptionsError } from "../flows/options.js";
import { refuseActor } from "../http/guards/impersonated.js";

/** What a guard of a handler asks besides the requirement. */
export interface GuardRules {
  /** False refuses who acts for a user, in an impersonated session or by a token of one. Default: true. */
  readonly impersonated?: boolean;
}

const rulesSchema = z.strictObject({ impersonated: z.boolean().default(true) });

/** @throws OptionsError */
export function guardOf(
  identity: AppIdentity,
  access: Exclude<IdentityAccess, "public">,
  rules: GuardRules = {},
): ReturnType<AppIdentity["guard"]> {
  const check = identity.guard(access);
  const parsed = rulesSchema.safeParse(rules);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => [...path, message].join(": "));
    throw new OptionsError(`Cannot guard a handler: ${problems.join("; ")}`);
  }
  if (parsed.data.impersonated) return check;
  return async (request, reply) => {
    await check(request, reply);
    refuseActor(request);
  };
}
