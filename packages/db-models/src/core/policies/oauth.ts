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
    requestLifetimeMs: lasts(
      5 * duration.second,
      duration.hour,
      10 * duration.minute,
      "Life of an authorization request that waits for its user",
    ),
    pushedRequestLifetimeMs: lasts(
      5 * duration.second,
      10 * duration.minute,
      duration.minute,
      "Life of a pushed authorization request (RFC 9126 section 2.2)",
    ),
    deviceCodeLifetimeMs: lasts(
      duration.minute,
      duration.hour,
      10 * duration.minute,
      "Life of a device code (RFC 8628 section 3.2)",
    ),
    devicePollIntervalMs: lasts(
      duration.second,
      duration.minute,
      5 * duration.second,
      "Time between two polls of a device, at least (RFC 8628 section 3.2)",
    ),
    signingKeyLifetimeMs: lasts(
      duration.day,
      3_650 * duration.day,
      90 * duration.day,
      "Age at which a signing key gets a successor",
    ),
    signingKeyLeadMs: lasts(
      20 * duration.minute,
      30 * duration.day,
      duration.day,
      "A signing key is published for so long before it signs; longer than clients keep the key set",
    ),
    signingKeyRetirementMs: lasts(
      duration.day + duration.hour,
      365 * duration.day,
      30 * duration.day,
      "A signing key stays published for so long after its successor signs; longer than what it signed lasts",
    ),
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
