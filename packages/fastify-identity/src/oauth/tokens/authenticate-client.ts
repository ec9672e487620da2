import type { AuthenticatedClient, PresentedAuthorization } from "@org/db-models";
import type { FastifyRequest } from "fastify";
import { stateOf } from "../../http/requests.js";
import type { Parameters } from "../endpoints/parameters.js";
import { invalidRequest, OAuthError } from "../oauth-error.js";
import type { Provider } from "../provider.js";
import { authenticateByAssertion, subjectOf } from "./client-assertion.js";

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** Names of the parameters by which a client shows who it is. */
export const credentialParameters = ["client_secret", "client_assertion", "client_assertion_type"] as const;

interface Authenticated {
  readonly client: AuthenticatedClient;
  /** Of what it presents, where that was read with it. */
  readonly authorization?: PresentedAuthorization;
}

/**
 * Finds out which client makes a request (OAuth 2.1 section 2.4), by one way of authentication only.
 *
 * @param presented - the code or token that is asked about, to be read with the client in one command.
 * @throws OAuthError `invalid_client` with 401, `invalid_request` for several ways at once.
 */
export async function authenticateClient(
  provider: Provider,
  request: FastifyRequest,
  parameters: Parameters,
  presented?: string,
): Promise<Authenticated> {
  const { authorization } = request.headers;
  const basic = authorization === undefined ? undefined : readBasic(authorization);
  const secret = parameters.one("client_secret");
  const assertion = parameters.one("client_assertion");
  const named = parameters.one("client_id");
  const ways = [authorization, secret, assertion].filter((way) => way !== undefined);
  if (ways.length > 1) throw invalidRequest("the client authenticates in more than one way");
  if (authorization !== undefined && !basic) throw refusal(true);
  const clientId = basic?.clientId ?? (assertion === undefined ? named : (subjectOf(assertion) ?? named));
  if (clientId === undefined) throw refusal(false);
  if (named !== undefined && named !== clientId) throw invalidRequest("client_id is of another client");
  const { oauth } = provider.service.identity;
  const found =
    assertion === undefined
      ? await oauth.authenticateClient({
          clientId,
          // RFC 6749 section 2.3.1: an empty secret may as well be left out.
          clientSecret: basic ? basic.secret || undefined : secret,
          method: basic ? "client_secret_basic" : "client_secret_post",
          presented,
        })
      : await byAssertion(provider, clientId, assertion, parameters);
  if (!found.ok) throw refusal(basic !== undefined);
  // Nobody is counted for another who only says to be it.
  stateOf(request).countedClient = { clientId: found.client.clientId };
  return found;
}

async function byAssertion(
  provider: Provider,
  clientId: string,
  assertion: string,
  parameters: Parameters,
): Promise<Authenticated & { readonly ok: true }> {
  if (parameters.one("client_assertion_type") !== assertionType) {
    throw invalidRequest("client_assertion_type is missing or unknown");
  }
  const check = await authenticateByAssertion(provider, clientId, assertion);
  if (check.ok) return check;
  throw refusal(false, check.why && `the assertion is refused: ${check.why}`);
}

/** Both halves are form-encoded before they are put together (RFC 6749 section 2.3.1). */
function readBasic(authorization: string): { clientId: string; secret: string } | undefined {
  const [, encoded] = /^Basic +([A-Za-z0-9+/_-]+={0,2})$/i.exec(authorization) ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const at = text.indexOf(":");
  if (at < 0) return undefined;
  try {
    const [clientId, secret] = [text.slice(0, at), text.slice(at + 1)].map((half) =>
      decodeURIComponent(half.replaceAll("+", " ")),
    );
    return { clientId: clientId ?? "", secret: secret ?? "" };
  } catch {
    return undefined;
  }
}

// RFC 6749 section 5.2: the scheme is named to who has used the header.
function refusal(
  byHeader: boolean,
  description = "the client is unknown or has not shown who it is",
): OAuthError {
  const headers: Record<string, string> = byHeader ? { "www-authenticate": 'Basic realm="oauth"' } : {};
  return new OAuthError("invalid_client", description, { status: 401, headers });
}
