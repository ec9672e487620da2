import type { FastifyReply, FastifyRequest } from "fastify";
import { readRequest } from "../authorization-request.js";
import { invalidRequest, OAuthError, type OAuthErrorName } from "../oauth-error.js";
import { type Provider, seconds } from "../provider.js";
import { authenticateClient, credentialParameters } from "../tokens/authenticate-client.js";
import { proofOf } from "../tokens/dpop.js";
import { requestUriPrefix } from "./authorize.js";
import { Parameters } from "./parameters.js";

/** Takes an authorization request from its client, before any browser sees it (RFC 9126). */
export async function push(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<{ request_uri: string; expires_in: number }> {
  const sent = request.body as Parameters;
  const { client } = await authenticateClient(provider, request, sent);
  if (sent.has("request_uri")) throw invalidRequest("request_uri must not be pushed");
  const dpopKey = await proofOf(provider, request, reply, { url: provider.url("push") });
  const named = sent.one("dpop_jkt");
  // RFC 9449 section 10.1: both ways of naming the key name the same.
  if (dpopKey !== undefined && named !== undefined && dpopKey !== named) {
    throw new OAuthError("invalid_dpop_proof", "dpop_jkt is of another key");
  }
  const parameters = Parameters.fromRecord({
    ...sent.without(...credentialParameters).toRecord(),
    client_id: client.clientId,
    ...(dpopKey !== undefined && { dpop_jkt: dpopKey }),
  });
  const reading = await readRequest(provider, parameters);
  if (reading.kind === "nowhere") throw invalidRequest("redirect_uri is not the client's");
  if (reading.kind === "refused") throw new OAuthError(reading.error as OAuthErrorName, reading.description);
  const { oauth } = provider.service.identity;
  const stored = { appId: client._id, origin: "pushed", parameters: parameters.toRecord() } as const;
  const { token, expiresAt } = await oauth.storeRequest(stored);
  reply.code(201);
  const lifetime = seconds(expiresAt) - seconds(provider.service.clock.now());
  return { request_uri: requestUriPrefix + token, expires_in: lifetime };
}
