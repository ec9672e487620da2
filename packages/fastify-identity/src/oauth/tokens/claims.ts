import type { PublicUser } from "@org/db-models";
import { z } from "zod";
import { seconds } from "../provider.js";

/** Scopes that we know besides those of the apps (OpenID Connect Core sections 5.4 and 11). */
export const scopesSupported = ["openid", "profile", "email", "offline_access"];

const claimsOf = {
  profile: ["name", "preferred_username", "locale", "zoneinfo", "updated_at"],
  email: ["email", "email_verified"],
} as const;

type ClaimName = (typeof claimsOf)[keyof typeof claimsOf][number];

export const claimsSupported = [
  ...["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash", "act"],
  ...Object.values(claimsOf).flat(),
];

/** All that we can tell of a user; what is not known is left out (OpenID Connect Core section 5.3.2). */
function known(user: PublicUser): { readonly [Name in ClaimName]: string | number | boolean | undefined } {
  const { profile, username, email, emailVerifiedAt, updatedAt } = user;
  return {
    name: profile.displayName,
    preferred_username: username,
    locale: profile.language,
    zoneinfo: profile.timezone,
    updated_at: seconds(updatedAt),
    email,
    email_verified: emailVerifiedAt !== undefined,
  };
}

/** The claims parameter (OpenID Connect Core section 5.5): null, or what is wanted of a claim. */
const wanted = z.union([
  z.null(),
  z.looseObject({
    essential: z.boolean().optional(),
    value: z.unknown().optional(),
    values: z.array(z.unknown()).optional(),
  }),
]);
const claimsSchema = z.looseObject({
  userinfo: z.record(z.string(), wanted).optional(),
  id_token: z.record(z.string(), wanted).optional(),
});
type ClaimsRequest = z.output<typeof claimsSchema>;

/** Reads a claims parameter; `undefined` for one that is malformed. */
export function readClaims(text: string): ClaimsRequest | undefined {
  try {
    return claimsSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The values of `acr` of which a request can't go without one; one that is no text is none that we know. */
export function essentialAcr({ id_token: claims }: ClaimsRequest): readonly string[] {
  const acr = claims?.acr;
  if (!acr?.essential) return [];
  return [acr.value, ...(acr.values ?? [])]
    .filter((value) => value !== undefined)
    .map((value) => (typeof value === "string" ? value : ""));
}

/** The subject that a request is about, where it names one. */
export function wantedSubject({ id_token: claims }: ClaimsRequest): string | undefined {
  const value = claims?.sub?.value;
  return typeof value === "string" ? value : undefined;
}

/** Claims for UserInfo: those of the scopes, and those that were asked for by name. */
export function userInfoClaims(
  user: PublicUser,
  scopes: readonly string[],
  requested: string | undefined,
): Record<string, unknown> {
  const byScope = (["profile", "email"] as const).flatMap((scope) =>
    scopes.includes(scope) ? claimsOf[scope] : [],
  );
  return pick(user, [...byScope, ...namesIn(requested, "userinfo", scopes)]);
}

/** Claims for an id_token: those that were asked for by name. */
export function idTokenClaims(
  user: PublicUser,
  scopes: readonly string[],
  requested: string | undefined,
): Record<string, unknown> {
  return pick(user, namesIn(requested, "id_token", scopes));
}

// The user agreed to scopes: a claim by name is given where its scope was agreed to.
function namesIn(
  requested: string | undefined,
  member: "userinfo" | "id_token",
  scopes: readonly string[],
): string[] {
  const names = Object.keys((requested !== undefined && readClaims(requested)?.[member]) || {});
  const allowed: readonly string[] = (["profile", "email"] as const).flatMap((scope) =>
    scopes.includes(scope) ? claimsOf[scope] : [],
  );
  return names.filter((name) => allowed.includes(name));
}

function pick(user: PublicUser, names: readonly string[]): Record<string, unknown> {
  const values: Readonly<Record<string, unknown>> = known(user);
  const told = names.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]]));
  return Object.fromEntries(told) as Record<string, unknown>;
}
