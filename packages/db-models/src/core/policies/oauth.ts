import { z } from "zod";
import { duration } from "../limits.js";

const lasts = (min: number, max: number, defaultMs: number, meaning: string) =>
  z.int().min(min).max(max).default(defaultMs).describe(`${meaning}, in milliseconds`);

/** Policy for all authorizations of a service. */
export const oauthPolicySchema = z
  .strictObject({
    codeLifetimeMs: lasts(
      duration.second,
      10 * duration.minute,
      duration.minute,
      "Life of an authorization code, at most 10 minutes (OAuth 2.1 section 4.1.2)",
    ),
    accessTokenLifetimeMs: lasts(
      duration.minute,
      duration.day,
      duration.hour,
      "Life of an access token, at most a day",
    ),
    refreshIdleMs: lasts(
      duration.minute,
      365 * duration.day,
      30 * duration.day,
      "A refresh token that is not used for so long ends; at least the life of an access token",
    ),
    refreshLifetimeMs: lasts(
      duration.minute,
      3_650 * duration.day,
      90 * duration.day,
      "An authorization ends after so long, however often its refresh token rotates",
    ),
    rotationGraceMs: lasts(
      0,
      5 * duration.minute,
      30 * duration.second,
      "A refresh token that was rotated gets the same answer again for so long, counted from its first use",
    ),
    pkce: z
      .enum(["always", "public_clients"])
      .default("always")
      .describe("Who has to send a code challenge: every client, or only those without a secret"),
  })
  .refine(({ refreshIdleMs, accessTokenLifetimeMs }) => refreshIdleMs >= accessTokenLifetimeMs, {
    message: "must be at least accessTokenLifetimeMs",
    path: ["refreshIdleMs"],
  })
  .refine(({ refreshLifetimeMs, refreshIdleMs }) => refreshLifetimeMs >= refreshIdleMs, {
    message: "must be at least refreshIdleMs",
    path: ["refreshLifetimeMs"],
  });

/** As a service configures it; every field has a default. */
export type OAuthPolicyInput = z.input<typeof oauthPolicySchema>;
export type OAuthPolicy = z.output<typeof oauthPolicySchema>;
