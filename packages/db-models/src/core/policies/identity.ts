import { z } from "zod";
import { factorPolicySchema } from "./factors.js";
import { loginDefencePolicySchema } from "./login-defence.js";
import { oauthPolicySchema } from "./oauth.js";
import { oneTimeTokenPolicySchema } from "./one-time.js";
import { passwordPolicySchema } from "./passwords.js";
import { retentionSchema } from "./retention.js";
import { sessionPolicySchema } from "./sessions.js";

/** Everything that may be set once for a database of identities; every field has a default. */
export const identityPoliciesSchema = z.strictObject({
  sessions: sessionPolicySchema.prefault({}).describe("Sessions"),
  oauth: oauthPolicySchema.prefault({}).describe("OAuth authorizations"),
  oneTimeTokens: oneTimeTokenPolicySchema.prefault({}).describe("Tokens that are sent to email addresses"),
  passwords: passwordPolicySchema.prefault({}).describe("New passwords"),
  logins: loginDefencePolicySchema.prefault({}).describe("How failed logins are counted"),
  factors: factorPolicySchema.prefault({}).describe("Second factors"),
  retention: retentionSchema.prefault({}).describe("How long what is over is kept"),
});

/** As a service configures it. */
export type IdentityPoliciesInput = z.input<typeof identityPoliciesSchema>;
export type IdentityPolicies = z.output<typeof identityPoliciesSchema>;
