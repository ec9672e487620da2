import type { AuthenticatedClient } from "@org/db-models";
import { isRegisteredUri } from "@org/db-models/core";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { JWTPayload } from "jose";
import { requesterOf, setCookie } from "../../http/requests.js";
import { Page } from "../../pages/page.js";
import { Answered, type PageDefinition } from "../../pages/serve/define-page.js";
import { sessionOfBrowser } from "../../pages/serve/session-of-browser.js";
import { linkTo } from "../../pages/site.js";
import type { Provider } from "../provider.js";
import { withQuery } from "./answer.js";
import { sessionOfRequest } from "./browser.js";
import { Parameters } from "./parameters.js";

const pagePath = "/end-session";

/** A logout request (OpenID Connect RP-Initiated Logout section 2) as it was read. */
interface LogoutRequest {
  readonly client: AuthenticatedClient | undefined;
  readonly hint: JWTPayload | undefined;
  /**
   * Where to go on. An address that comes with no client we know is none: clients whose own session is over send it alone, and
   * their user wants to sign out nonetheless.
   */
  readonly to: string | undefined;
  /** The address is not the client's. */
  readonly isWrongAddress: boolean;
}

async function readLogout(provider: Provider, parameters: Parameters): Promise<LogoutRequest> {
  const { keys, issuer, service } = provider;
  const token = parameters.one("id_token_hint");
  // One that has expired serves too: it only says who asks.
  const verified = token === undefined ? undefined : await keys.verify(token, "jwt");
  const ours = verified?.iss === issuer ? verified : undefined;
  const named = parameters.one("client_id");
  const hinted = typeof ours?.aud === "string" ? ours.aud : undefined;
  // Section 2: the hint has to be of the client that is named; otherwise neither says who asks.
  const isOfOther = named !== undefined && hinted !== undefined && named !== hinted;
  const hint = isOfOther ? undefined : ours;
  const known = isOfOther ? undefined : await service.identity.oauth.findClient(hinted ?? named);
  const client = known?.client;
  const address = parameters.one("post_logout_redirect_uri");
  if (address === undefined || !client) return { client, hint, to: undefined, isWrongAddress: false };
  const isWrongAddress = !isRegisteredUri(client.postLogoutRedirectUris ?? [], address);
  const state = parameters.one("state");
  const to = isWrongAddress ? undefined : withQuery(address, state === undefined ? {} : { state });
  return { client, hint, to, isWrongAddress };
}

/**
 * The logout endpoint, by GET. Signs out at once where the app shows an id_token of this very session; everybody else is
 * asked, for anybody can send a browser here. An address that is not the app's stops the redirect alone (section 4: what does
 * not need the part that is wrong goes on): the user is asked, and told why they stay here.
 */
export async function logout(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  reply.header("cache-control", "no-store");
  const parameters = Parameters.fromQuery(request.url);
  parameters.assertValid();
  const read = await readLogout(provider, parameters);
  const session = await sessionOfRequest(provider, request, reply);
  if (!session && read.isWrongAddress) return refuseAddress(provider, request, reply);
  const isOwn = !read.isWrongAddress && read.hint?.sid === session?.id.toHexString();
  if (session && !isOwn) {
    const query = Object.fromEntries(new URLSearchParams(queryOf(parameters)));
    return reply.redirect(linkTo(provider.site, pagePath, query), 303);
  }
  if (session) await endSession(provider, request, reply);
  return reply.redirect(read.to ?? linkTo(provider.site, "/sign-in"), 303);
}

/** By POST, a form of the app's site: it goes on by a GET, with which browsers send our cookies. */
export async function logoutByPost(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const parameters = request.body as Parameters;
  parameters.assertValid();
  return reply
    .header("cache-control", "no-store")
    .redirect(`${provider.url("logout")}?${queryOf(parameters)}`, 303);
}

const names = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"];

function queryOf(parameters: Parameters): string {
  const given = names.flatMap((name): Array<[string, string]> => {
    const value = parameters.one(name);
    return value === undefined ? [] : [[name, value]];
  });
  return new URLSearchParams(given).toString();
}

async function endSession(
  { service }: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const token = service.cookies.readSession(request.headers.cookie);
  const check =
    token === undefined ? undefined : await service.identity.sessions.validate(token, { touch: false });
  if (check?.ok) await service.flows.signOut(requesterOf(service, request), check.session);
  setCookie(reply, service.cookies.signOut(request.headers.cookie));
}

/** For a browser in which nobody is signed in. */
function refuseAddress(
  { site }: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const view = {
    title: { id: "error.title" },
    text: { id: "oauth.logout_address" },
    reference: undefined,
  } as const;
  return new Page(site, request, reply).show("error", view, 400);
}

/** The page that asks whether to sign out. */
export function endSessionPage(provider: Provider): PageDefinition<"endSession"> {
  return {
    name: "endSession",
    path: pagePath,
    access: "public",
    impersonated: true,
    view: async (page, state) => {
      const { request, reply } = page;
      const session = await sessionOfBrowser(page);
      // The form of one who acts for a user signs nobody else out.
      if (session) page.isOf(session.userId);
      const parameters = Parameters.fromQuery(request.url);
      const read = await readLogout(provider, parameters);
      const { client, isWrongAddress } = read;
      if (!session && isWrongAddress) return new Answered(await refuseAddress(provider, request, reply));
      return { state, query: queryOf(parameters), app: client?.name, staysHere: isWrongAddress };
    },
    forms: [
      {
        impersonated: true,
        answers: "goes_on",
        submit: async (page) => {
          const { request, reply } = page;
          const read = await readLogout(provider, Parameters.fromQuery(request.url));
          await endSession(provider, request, reply);
          if (read.to === undefined) return page.redirect(page.link("/sign-in"), { id: "sign_out.done" });
          return page.show("goOn", { to: read.to, from: "app" });
        },
      },
    ],
  };
}
