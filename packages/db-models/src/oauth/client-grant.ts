import type { Context } from "../context/context.js";
import { isIdentityError } from "../core/errors.js";
import { grantsEveryScope, parseAskedScopes } from "../core/scopes.js";
import { audiencesOf } from "./audiences.js";
import { refused } from "./grants.js";
import { grantAtOnce } from "./issue.js";
import type { AuthenticatedClient, TokenResult } from "./types.js";

/** A token request of an app for itself (RFC 6749 section 4.4). */
export interface ClientGrant {
  client: AuthenticatedClient;
  /** Default: all scopes of the app but those of OpenID Connect. */
  scope?: unknown;
  audiences?: string[] | undefined;
  dpopKey?: string | undefined;
}

/** Scopes that speak of a user, whom an app that acts for itself does not have. */
const ofUsers: ReadonlySet<string> = new Set([
  "openid",
  "offline_access",
  "profile",
  "email",
  "address",
  "phone",
]);

export async function grantToClient(context: Context, input: ClientGrant): Promise<TokenResult> {
  const { client, dpopKey } = input;
  if (client.type !== "confidential" || !client.grantTypes.includes("client_credentials")) {
    return refused("grant_type_not_allowed", "unauthorized_client");
  }
  const own = client.scopes.filter((scope) => !ofUsers.has(scope));
  const scopes = input.scope === undefined ? own : scopesWithin(own, input.scope);
  if (!scopes || scopes.length === 0) return refused("scope_not_granted", "invalid_scope");
  const audiences = audiencesOf({}, client, input.audiences);
  if (audiences === "refused") return refused("audience_not_granted", "invalid_target");
  const grant = { appId: client._id, scopes, ...(audiences && { audiences }) };
  return grantAtOnce(context, grant, { wish: { scopes, audiences, dpopKey }, mayRefresh: false });
}

/** The scopes of a parameter, if these contain them all. */
export function scopesWithin(own: readonly string[], scope: unknown): string[] | undefined {
  try {
    const asked = typeof scope === "string" ? parseAskedScopes(scope) : [];
    return asked.length > 0 && grantsEveryScope(own, asked) ? asked : undefined;
  } catch (error) {
    if (isIdentityError(error, "INVALID_SCOPE")) return undefined;
    throw error;
  }
}
