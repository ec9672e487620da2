import { z } from "zod";
import { duration } from "../limits.js";
import { loginDefencePolicySchema } from "./login-defence.js";
import { oauthPolicySchema } from "./oauth.js";
import { oneTimeTokenPolicySchema } from "./one-time.js";
import { retentionSchema } from "./retention.js";

/** Everything that may be set once for a database of identities; every field has a default. */
export const identityPoliciesSchema = z.strictObject({
  sessions: z
    .strictObject({
      touchIntervalMs: z
        .int()
        .min(0)
        .max(duration.day)
        .default(duration.minute)
        .describe("A session in use is written at most once in so long, in milliseconds"),
      rotationGraceMs: z
        .int()
        .min(0)
        .max(5 * duration.minute)
        .default(30 * duration.second)
        .describe("After a rotation the token before it stays good so long, in milliseconds"),
    })
    .prefault({})
    .describe("Sessions"),
  oauth: oauthPolicySchema.prefault({}).describe("OAuth authorizations"),
  oneTimeTokens: oneTimeTokenPolicySchema.prefault({}).describe("Tokens that are sent to email addresses"),
  logins: loginDefencePolicySchema.prefault({}).describe("How failed logins are counted"),
  retention: retentionSchema.prefault({}).describe("How long what is over is kept"),
});

/** As a service configures it. */
export type IdentityPoliciesInput = z.input<typeof identityPoliciesSchema>;
export type IdentityPolicies = z.output<typeof identityPoliciesSchema>;
