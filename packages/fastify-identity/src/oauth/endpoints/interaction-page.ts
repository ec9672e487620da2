import type { ActiveSession, RequestingApp, StoredRequest } from "@org/db-models";
import { grantsScope } from "@org/db-models";
import { limits } from "@org/db-models/core";
import { findByQuery, queries } from "@org/db-models/queries";
import type { FastifyReply } from "fastify";
import { audit, byOwner } from "../../flows/audit.js";
import { requesterOf } from "../../http/requests.js";
import type { Page } from "../../pages/page.js";
import { Answered, GoTo, type PageDefinition } from "../../pages/serve/define-page.js";
import { authorizePath } from "../../pages/site.js";
import type { PageViews } from "../../pages/views.js";
import { type ReadRequest, readRequest } from "../authorization-request.js";
import { type Decision, decide, hasProvedSince, withPrompts } from "../decide.js";
import type { Provider } from "../provider.js";
import { isInDoubt } from "../risk.js";
import { errorAnswer, sendAnswer } from "./answer.js";
import { issueCode, refuseToUser } from "./authorize.js";
import { browserHashOf, sessionOfRequest } from "./browser.js";
import { Parameters } from "./parameters.js";

/** A request that the browser of this page has taken up. */
interface TakenUp {
  readonly token: string;
  readonly stored: StoredRequest;
  readonly read: ReadRequest;
  readonly session: ActiveSession | undefined;
}

/** The page where a user answers an authorization request: it signs them in, and asks whether they agree. */
export function interactionPage(provider: Provider): PageDefinition<"authorize"> {
  return {
    name: "authorize",
    path: authorizePath,
    access: "public",
    view: async (page, state) => {
      // HEAD must not answer the app (RFC 9110 section 9.3.2).
      if (page.request.method === "HEAD") return new Answered(await page.reply.send(""));
      const taken = await takeUp(provider, page);
      if (!taken) return new Answered(await over(provider, page));
      const decision = await decisionOn(provider, page, taken);
      // An answer that was meant to be another account's is nobody's: the user is shown who they are.
      const asks = decision.next === "consent" || (decision.next === "code" && state.problem !== undefined);
      if (asks && taken.session) {
        page.isOf(taken.session.userId);
        return viewOf(provider, taken, taken.session, state);
      }
      return goOn(provider, page, taken, decision);
    },
    forms: [
      {
        answers: "goes_on",
        submit: async (page, form) => {
          const taken = await takeUp(provider, page);
          if (!taken) return over(provider, page);
          const { read, session, token } = taken;
          if (form.text("decision") !== "allow") return deny(provider, page, taken);
          const decision = await decisionOn(provider, page, taken);
          if ((decision.next !== "consent" && decision.next !== "code") || !session) {
            return page.redirect(page.link(authorizePath, { request: token }));
          }
          // One answer of any number is given: of the others, no consent is left.
          if (!(await provider.service.identity.oauth.claimRequest(token))) return over(provider, page);
          await agree(provider, page, read, session);
          return issueCode(provider, read, session, undefined, page.reply, "page");
        },
      },
    ],
  };
}

const over = (provider: Provider, { request, reply }: Page): Promise<FastifyReply> =>
  refuseToUser(provider, "expired", request, reply);

async function takeUp(provider: Provider, page: Page): Promise<TakenUp | undefined> {
  const { request, reply } = page;
  const token = page.query("request");
  const session = await sessionOfRequest(provider, request, reply);
  const stored = await provider.service.identity.oauth.takeUpRequest({
    token,
    browserHash: browserHashOf(provider, request, reply),
    authenticatedAt: session?.authenticatedAt,
  });
  if (!token || !stored || stored.used) return undefined;
  const reading = await readRequest(provider, Parameters.fromRecord(stored.parameters));
  return reading.kind === "read" ? { token, stored, read: reading.request, session } : undefined;
}

async function decisionOn(
  provider: Provider,
  page: Page,
  { read, session, stored }: TakenUp,
): Promise<Decision> {
  const decision = withPrompts(read, await decide(provider, read, session, stored));
  if (decision.next === "error" || !session) return decision;
  if (decision.next === "sign_in" || decision.next === "enrol") return decision;
  // Who has proved who they are since the request was taken up is not asked for another proof.
  if (hasProvedSince(session, stored)) return decision;
  const requester = requesterOf(provider.service, page.request);
  return (await isInDoubt(provider, session, requester, read.app)) ? { next: "confirm" } : decision;
}

async function goOn(
  provider: Provider,
  page: Page,
  { read, session, token }: TakenUp,
  decision: Decision,
): Promise<GoTo | Answered> {
  const back = page.link(authorizePath, { request: token });
  const languages = page.query("ui_locales");
  if (decision.next === "error") {
    await provider.service.identity.oauth.claimRequest(token);
    const answer = errorAnswer(decision.error, decision.description);
    return new Answered(await sendAnswer(provider, read, answer, page.reply, "page"));
  }
  if (decision.next === "code" && session) {
    return new Answered(await issueCode(provider, read, session, token, page.reply, "page"));
  }
  if (decision.next === "confirm") return new GoTo(page.link("/confirm", { return_to: back }));
  if (decision.next === "enrol") return new GoTo(page.link("/security/authenticator", { return_to: back }));
  const { cookies } = provider.site;
  const hint = read.loginHint?.slice(0, limits.email);
  if (hint !== undefined) page.setCookie(cookies.set("hint", hint));
  else if (cookies.read(page.request.headers.cookie, "hint") !== undefined)
    page.setCookie(cookies.end("hint"));
  return new GoTo(page.link("/sign-in", { return_to: back, ui_locales: languages }));
}

async function viewOf(
  { service }: Provider,
  { token, read }: TakenUp,
  { userId }: ActiveSession,
  state: PageViews["authorize"]["state"],
): Promise<PageViews["authorize"]> {
  const { models, users, policies } = service.identity;
  const [user, consent, owner] = await Promise.all([
    users.read(userId),
    findByQuery(models, queries.permissionOfUserForApp(userId, read.app.id)),
    ownerOf(service, read.app),
  ]);
  const agreed = consent && !consent.revokedAt ? consent.scopes : [];
  return {
    state,
    request: token,
    app: {
      name: read.app.name,
      description: read.app.description,
      owner,
      place: placeOf(read.redirectUri),
    },
    email: user.email,
    scopes: read.scopes.map((scope) => ({ scope, isNew: !grantsScope(agreed, scope) })),
    days: Math.round(policies.oauth.refreshLifetimeMs / 86_400_000),
  };
}

async function ownerOf(
  { identity }: Provider["service"],
  { ownerId }: RequestingApp,
): Promise<string | undefined> {
  const names = { username: 1, "profile.displayName": 1 };
  const owner = await identity.models.User.findById(ownerId, names).lean();
  return owner?.username ?? owner?.profile?.displayName;
}

/** Where the answer goes, as people can judge it. */
function placeOf(redirectUri: string): string {
  const { host, protocol } = new URL(redirectUri);
  return /^https?:$/.test(protocol) ? host : protocol.slice(0, -1);
}

async function agree(
  { service }: Provider,
  page: Page,
  { app, scopes }: ReadRequest,
  { userId, id: sessionId }: ActiveSession,
): Promise<void> {
  await service.identity.oauth.grantConsent({ userId, sessionId, appId: app.id, scopes: [...scopes] });
  const details = { client: app.clientId, scope: scopes.join(" ").slice(0, 512) };
  await audit(service, requesterOf(service, page.request), byOwner(userId, "oauth.consented", details));
}

async function deny(
  provider: Provider,
  { reply, request }: Page,
  { read, token, session }: TakenUp,
): Promise<FastifyReply> {
  if (!(await provider.service.identity.oauth.claimRequest(token))) {
    return refuseToUser(provider, "expired", request, reply);
  }
  if (session) {
    const event = byOwner(session.userId, "oauth.denied", { client: read.client.clientId });
    await audit(provider.service, requesterOf(provider.service, request), event);
  }
  return sendAnswer(
    provider,
    read,
    errorAnswer("access_denied", "the user has not agreed to this"),
    reply,
    "page",
  );
}
