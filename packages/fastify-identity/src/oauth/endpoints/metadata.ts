import { grantTypes } from "@org/db-models/schemas";
import type { FastifyInstance, FastifyReply } from "fastify";
import { trackMethods } from "../../http/answers/method-not-allowed.js";
import { named } from "../../http/named.js";
import type { Provider } from "../provider.js";
import { claimsSupported, scopesSupported } from "../tokens/claims.js";
import { assertionAlgorithms } from "../tokens/client-assertion.js";
import { proofAlgorithms } from "../tokens/dpop.js";
import { servePreflight } from "./cors.js";
import { descriptions } from "./descriptions.js";

/** How long clients may keep the key set and the metadata, seconds. */
const maxAge = 300;

/** What the provider can do (RFC 8414 section 2, OpenID Connect Discovery section 3). */
function metadataOf(provider: Provider): Record<string, unknown> {
  const { issuer, settings, url } = provider;
  const authentication = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
  return {
    issuer,
    authorization_endpoint: url("authorize"),
    token_endpoint: url("token"),
    userinfo_endpoint: url("userInfo"),
    jwks_uri: url("keys"),
    introspection_endpoint: url("introspect"),
    revocation_endpoint: url("revoke"),
    pushed_authorization_request_endpoint: url("push"),
    device_authorization_endpoint: url("device"),
    end_session_endpoint: url("logout"),
    response_types_supported: ["code"],
    response_modes_supported: ["query", "form_post"],
    grant_types_supported: grantTypes,
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: settings.algorithms,
    token_endpoint_auth_methods_supported: ["none", ...authentication],
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    introspection_endpoint_auth_methods_supported: authentication,
    introspection_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    revocation_endpoint_auth_methods_supported: ["none", ...authentication],
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    code_challenge_methods_supported: ["S256"],
    scopes_supported: scopesSupported,
    claims_supported: claimsSupported,
    claims_parameter_supported: true,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    acr_values_supported: ["1", "2"],
    prompt_values_supported: ["none", "login", "consent", "select_account"],
    ui_locales_supported: ["en", ...provider.site.settings.messages.map(({ lang }) => lang)],
    authorization_response_iss_parameter_supported: true,
    dpop_signing_alg_values_supported: proofAlgorithms,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
  };
}

/**
 * Where clients look for the metadata of an issuer: RFC 8414 section 3.1 puts its name between the host and the issuer's
 * path, OpenID Connect Discovery section 4.1 behind it.
 */
function metadataPaths(issuer: string): string[] {
  const path = new URL(issuer).pathname.replace(/\/$/, "");
  const [oauth, openId] = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];
  return [...new Set([`${oauth}${path}`, `${openId}${path}`, `${path}${openId}`])];
}

/** Adds the routes of the metadata, at the root. */
export async function serveMetadata(app: FastifyInstance, provider: Provider): Promise<void> {
  const body = JSON.stringify(metadataOf(provider));
  const serve = async (scope: FastifyInstance) => {
    const refuseOtherMethods = trackMethods(scope);
    const { prefix } = scope;
    const isHere = (path: string) => `${path}/`.startsWith(`${prefix}/`);
    const all = metadataPaths(provider.issuer);
    const paths = all.filter((path) => !isHere(path));
    if (paths.length > 0)
      provider.log.warn({ paths, prefix }, "clients look for the metadata where this app does not answer");
    for (const path of all.filter(isHere)) {
      const route = { ...descriptions.metadata, serializerCompiler: () => JSON.stringify };
      const url = path.slice(prefix.length);
      scope.get(url, route, (_request, reply) => cacheable(reply).send(body));
      servePreflight(scope, url);
    }
    refuseOtherMethods();
  };
  await app.register(named("OAuth metadata", serve));
}

/** Everybody may read it from any page, and keep it for a while. */
export function cacheable(reply: FastifyReply): FastifyReply {
  return reply
    .headers({
      "cache-control": `public, max-age=${maxAge}`,
      "access-control-allow-origin": "*",
      "cross-origin-resource-policy": "cross-origin",
      "x-content-type-options": "nosniff",
    })
    .type("application/json; charset=utf-8");
}
