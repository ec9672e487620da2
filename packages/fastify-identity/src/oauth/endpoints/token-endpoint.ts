import type { AuthenticatedClient, DeviceResult, PresentedAuthorization, TokenResult } from "@org/db-models";
import { deviceGrantType, grantTypes } from "@org/db-models/schemas";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Requester } from "../../flows/requester.js";
import { requesterOf, stateOf } from "../../http/requests.js";
import { invalidRequest, OAuthError } from "../oauth-error.js";
import { cannotSign, canSignFor, type Provider } from "../provider.js";
import { lifetimeAtRefresh } from "../risk.js";
import { authenticateClient } from "../tokens/authenticate-client.js";
import { proofOf } from "../tokens/dpop.js";
import { answerOf, type TokenAnswer } from "../tokens/tokens.js";
import type { Parameters } from "./parameters.js";

/** A token request whose client has shown who it is. */
interface TokenRequest {
  readonly client: AuthenticatedClient;
  readonly authorization: PresentedAuthorization | undefined;
  readonly parameters: Parameters;
  readonly audiences: string[] | undefined;
  readonly dpopKey: string | undefined;
  readonly requester: Requester;
}

type Result = TokenResult | DeviceResult;
type Grant = (provider: Provider, request: TokenRequest) => Promise<Result>;

const grants: { readonly [Type in (typeof grantTypes)[number]]: Grant } = {
  authorization_code: ({ service }, { client, authorization, parameters, audiences, dpopKey }) =>
    service.identity.oauth.exchange({
      client,
      code: needed(parameters, "code"),
      authorization,
      redirectUri: parameters.one("redirect_uri"),
      codeVerifier: parameters.one("code_verifier"),
      audiences,
      dpopKey,
    }),
  refresh_token: (provider, { client, authorization, parameters, audiences, dpopKey, requester }) =>
    provider.service.identity.oauth.refresh({
      client,
      refreshToken: needed(parameters, "refresh_token"),
      authorization,
      scope: parameters.one("scope"),
      audiences,
      dpopKey,
      lifetimeOf: (granted) => lifetimeAtRefresh(provider, requester, client.clientId, granted),
    }),
  client_credentials: ({ service }, { client, parameters, audiences, dpopKey }) =>
    service.identity.oauth.grantToClient({ client, scope: parameters.one("scope"), audiences, dpopKey }),
  [deviceGrantType]: ({ service }, { client, parameters, dpopKey }) =>
    service.identity.oauth.pollDevice({ client, deviceCode: needed(parameters, "device_code"), dpopKey }),
};

/** The token endpoint (RFC 6749 section 3.2). */
export async function token(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<TokenAnswer> {
  const parameters = request.body as Parameters;
  const { client, authorization } = await authenticateClient(
    provider,
    request,
    parameters,
    presentedIn(parameters),
  );
  await provider.quota.take(client.clientId, reply);
  const type = needed(parameters, "grant_type");
  const known = grantTypes.find((one) => one === type);
  if (!known) throw new OAuthError("unsupported_grant_type", "grant_type is unknown");
  stateOf(request).countedClient = { clientId: client.clientId, what: known };
  if (!client.grantTypes.includes(known)) {
    throw new OAuthError("unauthorized_client", "the client may not use this grant_type");
  }
  // Before anything is used up.
  if (!canSignFor(provider, client)) throw new OAuthError("unauthorized_client", cannotSign);
  const dpopKey = await proofOf(provider, request, reply, { url: provider.url("token") });
  if (dpopKey === undefined && client.requiresDpop) {
    throw new OAuthError("invalid_dpop_proof", "the client has to send a DPoP proof");
  }
  const resources = [...parameters.all("resource")];
  const audiences = resources.length > 0 ? resources : undefined;
  const requester = requesterOf(provider.service, request);
  const result = await grants[known](provider, {
    client,
    authorization,
    parameters,
    audiences,
    dpopKey,
    requester,
  });
  if (!result.ok) throw refusalOf(request, result);
  return answerOf(provider, client, result, { isRefresh: known === "refresh_token" });
}

/** The code or token that the grant is read by; other grants present none. */
function presentedIn(parameters: Parameters): string | undefined {
  switch (parameters.one("grant_type")) {
    case "authorization_code":
      return parameters.one("code");
    case "refresh_token":
      return parameters.one("refresh_token");
    default:
      return undefined;
  }
}

function needed(parameters: Parameters, name: string): string {
  const value = parameters.one(name);
  if (value === undefined) throw invalidRequest(`${name} is missing`);
  return value;
}

const descriptions: Readonly<Record<string, string>> = {
  invalid_grant: "the code or token is not, or no longer, valid",
  invalid_scope: "the scope is malformed, or more than was granted",
  invalid_target: "the resource is not granted",
  unauthorized_client: "the client may not do this",
  authorization_pending: "the user has not answered yet",
  slow_down: "the device asks too often",
  access_denied: "the user has not agreed to this",
  expired_token: "the code is too old",
};

/** Why exactly a grant is refused is for the log: the client may be who has stolen it. */
function refusalOf(request: FastifyRequest, { error, reason }: Extract<Result, { ok: false }>): OAuthError {
  request.log.info({ error, reason }, "a token request was refused");
  return new OAuthError(error, descriptions[error] ?? "the request is refused");
}
