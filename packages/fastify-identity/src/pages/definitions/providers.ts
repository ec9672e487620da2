import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { IdentityProblem, toProblem } from "../../flows/problems.js";
import type { SignedIn } from "../../flows/sign-in/complete/candidate.js";
import { readAttempt } from "../../flows/sign-in/external-sign-in.js";
import { sessionOf } from "../../http/guards/identity-of.js";
import { passwordRateLimit } from "../../http/rate-limit.js";
import { requesterOf } from "../../http/requests.js";
import { Page } from "../page.js";
import { textOfProblem } from "../problem-texts.js";
import { type Form, GoTo, type PageDefinition } from "../serve/define-page.js";
import type { FormFields } from "../serve/form-body.js";
import { returnToOf, trusted } from "../serve/go-on.js";
import { sessionOfBrowser } from "../serve/session-of-browser.js";
import { providersOf, type Site } from "../site.js";
import { admit, deviceOf } from "./sign-in.js";

const signInPath = "/sign-in/provider";
const path = "/security/providers";

/** Begins a sign-in by a button. The answer is a page that goes on: a form of ours may not end at another origin. */
export const leavePage: PageDefinition<"leave"> = {
  name: "leave",
  path: signInPath,
  access: "public",
  view: async (page) => new GoTo(page.link("/sign-in")),
  forms: [
    {
      limited: true,
      answers: "goes_on",
      submit: (page, form) => leave(page, form, { returnTo: returnToOf(page), back: "/sign-in" }),
    },
  ],
};

/** What an account is linked to. */
export const providersPage: PageDefinition<"providers"> = {
  name: "providers",
  path,
  access: "session",
  view: async (page, state) => {
    const { identity } = page.site.service;
    const { linked } = await identity.externalIdentities.list(sessionOf(page.request));
    const providers = providersOf(page.site).map((provider) => {
      const link = linked.find((one) => one.provider === provider.id);
      return { ...provider, linkedAt: link?.linkedAt };
    });
    return { state, providers };
  },
  forms: [
    {
      name: "link",
      path: `${path}/link`,
      limited: true,
      answers: "goes_on",
      submit: (page, form) => leave(page, form, { session: sessionOf(page.request), back: path }),
    },
    {
      name: "unlink",
      path: `${path}/unlink`,
      submit: async (page, form) => {
        const { service } = page.site;
        const requester = requesterOf(service, page.request);
        const provider = form.text("provider");
        await service.flows.unlinkExternal(requester, sessionOf(page.request), { provider });
        return page.redirect(page.link(path), { id: "providers.unlinked" });
      },
    },
  ],
};

interface Leaving {
  readonly returnTo?: string | undefined;
  readonly session?: ReturnType<typeof sessionOf>;
  /** Where to say that it failed. */
  readonly back: string;
}

async function leave(page: Page, form: Form, { back, ...input }: Leaving) {
  const { flows, providers } = page.site.service;
  const id = form.text("provider");
  try {
    const { url, attempt } = await flows.beginExternal({
      ...input,
      provider: id,
      redirectUri: callbackOf(page.site, id),
    });
    page.setCookie(page.site.cookies.set("external", attempt));
    const name = providers.find((one) => one.id === id)?.name ?? id;
    return page.show("leave", { to: url.href, name });
  } catch (error) {
    const problem = toProblem(error);
    if (problem.code !== "PROVIDER_FAILED") throw error;
    page.request.log.error({ err: error, provider: id }, "a provider could not be reached");
    return page.redirect(page.link(back, { return_to: input.returnTo }), textOfProblem(problem));
  }
}

/** Where a provider sends people back to: one address for each, so that no provider's answer passes for another's. */
function callbackOf({ service, prefix }: Site, id: string): string {
  return `${service.settings.issuer}${prefix}/sign-in/${id}/callback`;
}

/** The addresses that providers send people back to. */
export function serveCallbacks(scope: FastifyInstance, site: Site): void {
  const schema = { hide: true } as object;
  for (const { id } of site.service.providers) {
    const path = `/sign-in/${id}/callback`;
    scope.get(
      path,
      {
        config: { identity: "public", rateLimit: passwordRateLimit(site.service) },
        schema,
        // HEAD must not use the code.
        exposeHeadRoute: false,
        logLevel: "warn",
      },
      (request, reply) => goOnWithCookies(new Page(site, request, reply), id),
    );
    scope.post(path, { config: { identity: "public" }, schema, logLevel: "warn" }, goOnByGet);
  }
}

/**
 * An answer by POST (`response_mode=form_post`) comes from the provider's site, and browsers send it without our cookies. It
 * goes on by a GET of our own, whose cookies are there; nothing is done before that.
 */
async function goOnByGet(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { body, url } = request;
  const sent = body instanceof Map ? (body as FormFields) : new Map<string, string[]>();
  const names = ["code", "state", "iss", "error", "error_description"];
  const members = names.flatMap((name) => (sent.get(name) ?? []).map((value) => [name, value]));
  const query = new URLSearchParams(members);
  return reply.header("cache-control", "no-store").redirect(`${url.split("?", 1)[0]}?${query}`, 303);
}

/** Says that a page of ours has led back to this address. */
const mark = "returned";

/**
 * Browsers that come from the provider's site bring no `SameSite=Strict` cookies, nor do redirects from there on. A page of
 * ours that goes on by itself brings them: the session that is linked, the device, and what is signed in to afterwards.
 */
async function goOnWithCookies(page: Page, id: string): Promise<FastifyReply> {
  const { site, request } = page;
  if (site.service.settings.cookies.sameSite !== "strict" || page.query(mark) !== undefined) {
    return finish(page, id);
  }
  const to = new URL(request.url, site.service.settings.issuer);
  to.searchParams.set(mark, "yes");
  return page.show("goOn", { to: to.pathname + to.search, from: "provider" });
}

/** Whether a route takes answers of providers, whose site is another origin. */
export function isProviderAnswer({ prefix, service: { providers } }: Site, url: string | undefined): boolean {
  return providers.some(({ id }) => url === `${prefix}/sign-in/${id}/callback`);
}

async function finish(page: Page, id: string) {
  const { cookies, service } = page.site;
  const attempt = cookies.read(page.request.headers.cookie, "external");
  // An answer that is loaded again, by the back button or a second click, has done its work.
  if (attempt === undefined && (await sessionOfBrowser(page))) return page.redirect(page.link(""));
  const { returnTo: asked, links } = readAttempt(attempt) ?? {};
  const returnTo = trusted(page, asked);
  const deviceCookie = deviceOf(page);
  const answer = new URL(page.request.url, service.settings.issuer);
  answer.searchParams.delete(mark);
  page.setCookie(cookies.end("external"));
  const finished = async () =>
    service.flows.finishExternal(requesterOf(service, page.request), {
      provider: id,
      redirectUri: callbackOf(page.site, id),
      attempt,
      answer,
      session: links ? await sessionOfBrowser(page) : undefined,
      deviceCookie,
    });
  try {
    if (links) {
      await finished();
      return page.redirect(page.link(path), { id: "providers.linked" });
    }
    return await admit(page, returnTo, deviceCookie, async () => signedInOf(await finished()));
  } catch (error) {
    const problem = toProblem(error);
    page.request.log.info({ err: error, provider: id, code: problem.code }, "a sign-in at a provider failed");
    const to = links ? page.link(path) : page.link("/sign-in", { return_to: returnTo });
    return page.redirect(to, textOfProblem(problem));
  }
}

function signedInOf(finished: { kind: "signed_in"; signedIn: SignedIn } | { kind: "linked" }): SignedIn {
  if (finished.kind === "signed_in") return finished.signedIn;
  throw new IdentityProblem("PROVIDER_FAILED", { reason: "failed" });
}
