import type { ActiveSession, StoredRequest } from "@org/db-models";
import type { FastifyReply, FastifyRequest } from "fastify";
import { audit, byOwner } from "../../flows/audit.js";
import { requesterOf } from "../../http/requests.js";
import { Page } from "../../pages/page.js";
import { authorizePath, linkTo } from "../../pages/site.js";
import { acrFor, type Reading, type ReadRequest, readRequest } from "../authorization-request.js";
import { boundTo } from "../bound-session.js";
import { type Decision, decide, withPrompts } from "../decide.js";
import type { Provider } from "../provider.js";
import { isInDoubt } from "../risk.js";
import { errorAnswer, sendAnswer } from "./answer.js";
import { browserHashOf, sessionOfRequest } from "./browser.js";
import { Parameters } from "./parameters.js";

/** What the token of a stored request is put behind to be an address (RFC 9126 section 2.2). */
export const requestUriPrefix = "urn:ietf:params:oauth:request_uri:";

/** The authorization endpoint, by GET. */
export async function authorize(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  reply.header("cache-control", "no-store");
  const sent = Parameters.fromQuery(request.url);
  const token = tokenOf(sent);
  if (token !== undefined) return authorizeStored(provider, sent, token, request, reply);
  const reading = await readRequest(provider, sent);
  if (reading.kind === "read" && reading.request.client.requiresPushedRequests) {
    const error = errorAnswer("invalid_request", "the client has to push its requests");
    return sendAnswer(provider, reading.request, error, reply);
  }
  return answerReading(provider, reading, undefined, request, reply);
}

/** The token of a request that we keep, by its address. */
function tokenOf(parameters: Parameters): string | undefined {
  const uri = parameters.one("request_uri");
  return uri?.startsWith(requestUriPrefix) ? uri.slice(requestUriPrefix.length) : undefined;
}

async function authorizeStored(
  provider: Provider,
  sent: Parameters,
  token: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const stored = await provider.service.identity.oauth.readRequest(token);
  const parameters = stored && Parameters.fromRecord(stored.parameters);
  // RFC 9126 section 4: of the client that pushed it, once. Nothing shows where another one's answer would go.
  if (!stored || stored.used || !parameters || parameters.one("client_id") !== sent.one("client_id")) {
    return refuseToUser(provider, "expired", request, reply);
  }
  // A request that another browser has taken up is answered there.
  if (stored.browserHash?.equals(browserHashOf(provider, request, reply)) === false) {
    return refuseToUser(provider, "expired", request, reply);
  }
  const reading = await readRequest(provider, parameters);
  return answerReading(provider, reading, { token, stored }, request, reply);
}

interface Kept {
  readonly token: string;
  readonly stored: StoredRequest;
}

async function answerReading(
  provider: Provider,
  reading: Reading,
  kept: Kept | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (reading.kind === "nowhere") return refuseToUser(provider, reading.reason, request, reply);
  if (reading.kind === "refused") {
    return sendAnswer(provider, reading.place, errorAnswer(reading.error, reading.description), reply);
  }
  const read = reading.request;
  const session = await sessionOfRequest(provider, request, reply);
  const decision = await decisionOn(provider, read, session, request);
  if (decision.next === "error") {
    return sendAnswer(provider, read, errorAnswer(decision.error, decision.description), reply);
  }
  if (decision.next === "code" && session) return issueCode(provider, read, session, kept?.token, reply);
  return askUser(provider, read, kept, reply);
}

async function decisionOn(
  provider: Provider,
  read: ReadRequest,
  session: ActiveSession | undefined,
  request: FastifyRequest,
): Promise<Decision> {
  const decision = withPrompts(read, await decide(provider, read, session, undefined));
  if (decision.next !== "code" || !session) return decision;
  const doubt = await isInDoubt(provider, session, requesterOf(provider.service, request), read.app);
  if (!doubt) return decision;
  const description = "the user has to sign in";
  return read.prompts.has("none")
    ? { next: "error", error: "login_required", description }
    : { next: "confirm" };
}

/** The user goes on at a page of ours, and comes back with nothing but the request's token. */
async function askUser(
  { service, site }: Provider,
  read: ReadRequest,
  kept: Kept | undefined,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { oauth } = service.identity;
  const parameters = read.parameters.toRecord();
  const token =
    kept?.token ?? (await oauth.storeRequest({ appId: read.app.id, origin: "browser", parameters })).token;
  const languages = read.parameters.one("ui_locales");
  return reply.redirect(linkTo(site, authorizePath, { request: token, ui_locales: languages }), 303);
}

/**
 * The authorization endpoint, by POST: a form of the client's site, with which browsers send no cookie of ours. It goes on by
 * a GET.
 */
export async function authorizeByPost(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  reply.header("cache-control", "no-store");
  const parameters = request.body as Parameters;
  const goOn = (clientId: string, request_uri: string) => {
    const query = new URLSearchParams({ client_id: clientId, request_uri });
    return reply.redirect(`${provider.url("authorize")}?${query}`, 303);
  };
  const sent = tokenOf(parameters);
  if (sent !== undefined) return goOn(parameters.one("client_id") ?? "", requestUriPrefix + sent);
  const reading = await readRequest(provider, parameters);
  if (reading.kind !== "read") return answerReading(provider, reading, undefined, request, reply);
  const { app, client } = reading.request;
  const stored = { appId: app.id, origin: "browser", parameters: parameters.toRecord() } as const;
  if (client.requiresPushedRequests) {
    return sendAnswer(
      provider,
      reading.request,
      errorAnswer("invalid_request", "the client has to push its requests"),
      reply,
    );
  }
  const { token } = await provider.service.identity.oauth.storeRequest(stored);
  return goOn(client.clientId, requestUriPrefix + token);
}

const texts = {
  client: "oauth.unknown_client",
  redirect_uri: "oauth.wrong_address",
  expired: "oauth.request_over",
} as const;

/** Tells the user what can't be told to the client: no redirect and no link leads away. */
export function refuseToUser(
  { site }: Provider,
  reason: keyof typeof texts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const view = { title: { id: "error.title" }, text: { id: texts[reason] }, reference: undefined } as const;
  return new Page(site, request, reply).show("error", view, 400);
}

/**
 * Issues a code for what the session's user has agreed to, and sends it to the client. Of any number of answers to one
 * request that is kept, one is given.
 */
export async function issueCode(
  provider: Provider,
  read: ReadRequest,
  session: ActiveSession,
  token: string | undefined,
  reply: FastifyReply,
  by: "redirect" | "page" = "redirect",
): Promise<FastifyReply> {
  const { oauth } = provider.service.identity;
  const { parameters } = read;
  if (token !== undefined && !(await oauth.claimRequest(token))) {
    return refuseToUser(provider, "expired", reply.request, reply);
  }
  const authorization = await oauth.authorize({
    userId: session.userId,
    clientId: read.client.clientId,
    redirectUri: parameters.one("redirect_uri"),
    responseType: parameters.one("response_type"),
    scope: parameters.one("scope"),
    codeChallenge: parameters.one("code_challenge"),
    codeChallengeMethod: parameters.one("code_challenge_method"),
    resources: parameters.all("resource"),
    facts: factsOf(read, session),
    ...(session.actor && { endsBy: session.absoluteExpiresAt }),
  });
  if (!authorization.ok) {
    // The consent or the app went while the request was under way.
    return sendAnswer(
      provider,
      read,
      errorAnswer("access_denied", "the user has not agreed to this"),
      reply,
      by,
    );
  }
  const requester = requesterOf(provider.service, reply.request);
  const details = { client: read.client.clientId, scope: authorization.scopes.join(" ").slice(0, 512) };
  await audit(provider.service, requester, byOwner(session.userId, "oauth.authorized", details));
  return sendAnswer(provider, read, { code: authorization.code }, reply, by);
}

/** What tokens tell of a session that authorized an app. */
function factsOf(read: ReadRequest, session: ActiveSession) {
  const { nonce, claims, dpopKey, scopes } = read;
  const { id: sessionId, authenticatedAt, amr, actor } = session;
  return {
    // The user has not signed in where somebody acts for them.
    ...(actor ? { actor } : { authenticatedAt }),
    acr: acrFor(read, session),
    amr: [...amr],
    sessionId,
    ...boundTo(sessionId, actor ? [] : scopes),
    ...(nonce !== undefined && { nonce }),
    ...(claims !== undefined && { claims }),
    ...(dpopKey !== undefined && { dpopKey }),
  };
}
