import { parseScopes } from "@org/db-models";
import type { JWTPayload } from "jose";
import { Types } from "mongoose";
import type {
  AccessTokenCheck,
  AccessTokenDecision,
  AccessTokenRefusal,
  PresentedAccessToken,
  TokenScheme,
} from "../../http/guards/access-tokens.js";
import { OAuthError } from "../oauth-error.js";
import type { Provider } from "../provider.js";
import { claimsOf } from "./access-token.js";
import { proofOf } from "./dpop.js";

/**
 * Checks the access tokens of guarded routes. A JWT is checked by its signature alone, without a read: it is good until it
 * expires (RFC 9068 section 4). An opaque one is looked up. Both must be for us, and a bound one comes with its proof.
 */
export function tokenCheckOf(provider: Provider): AccessTokenCheck {
  return async (request, reply, { scheme, value }) => {
    const decision = await decide(provider, value);
    if (!decision.ok) return decision;
    const { dpopKey, audiences } = decision.token;
    if (audiences && !audiences.includes(provider.audience)) return refuse("wrong_audience");
    if (dpopKey === undefined) return scheme === "Bearer" ? decision : refuse("not_bound");
    if (scheme !== "DPoP") return refuse("bound", "DPoP");
    const url = provider.service.settings.issuer + request.url;
    try {
      const proved = await proofOf(provider, request, reply, { url, accessToken: value });
      return proved === dpopKey ? decision : refuse("key_mismatch", "DPoP");
    } catch (error) {
      if (error instanceof OAuthError) return refuse(error.error, "DPoP");
      throw error;
    }
  };
}

const refuse = (reason: string, scheme: TokenScheme = "Bearer"): AccessTokenRefusal => ({
  ok: false,
  reason,
  scheme,
});

async function decide(provider: Provider, value: string): Promise<AccessTokenDecision> {
  const claims = await claimsOf(provider, value);
  const { oauth } = provider.service.identity;
  // A token of who acts for a user ends with that, not when it expires.
  const isActors = claims?.act !== undefined;
  if (claims && !isActors) return decideOnClaims(provider, claims);
  const check = claims ? await oauth.validateById(claims.jti) : await oauth.validate(value);
  return check.ok ? check : refuse(check.reason);
}

const isText = (value: unknown): value is string => typeof value === "string";

function decideOnClaims({ service }: Provider, claims: JWTPayload): AccessTokenDecision {
  const { exp = 0, iat = 0, aud, sub, jti, client_id: clientId, scope, acr, auth_time, amr, cnf } = claims;
  const now = service.clock.now().getTime() / 1_000;
  if (exp <= now) return refuse("expired");
  if (!isText(clientId) || !isText(sub) || !isText(jti)) return refuse("malformed");
  const key = (cnf as { jkt?: unknown } | undefined)?.jkt;
  const token: PresentedAccessToken = {
    id: jti,
    // The app itself is the subject where it acts for itself.
    ...(sub !== clientId && { userId: new Types.ObjectId(sub) }),
    clientId,
    scopes: isText(scope) ? parseScopes(scope) : [],
    audiences: [aud ?? []].flat(),
    ...(isText(key) && { dpopKey: key }),
    facts: {
      ...(isText(acr) && { acr: Number(acr) }),
      ...(typeof auth_time === "number" && { authenticatedAt: new Date(auth_time * 1_000) }),
      ...(Array.isArray(amr) && { amr: amr.filter(isText) }),
    },
    createdAt: new Date(iat * 1_000),
    expiresAt: new Date(exp * 1_000),
  };
  return { ok: true, token };
}
