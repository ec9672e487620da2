import { randomKey } from "@org/db-models/core";
import type { FastifyReply } from "fastify";
import type { SignedIn } from "../../flows/complete-sign-in.js";
import { IdentityProblem } from "../../flows/problems.js";
import { requesterOf, stateOf } from "../../http/requests.js";
import { type Form, GoTo, type PageDefinition } from "../define-page.js";
import { fields } from "../fields.js";
import type { Page } from "../page.js";
import { safeReturnTo } from "../return-to.js";

export const signInPage: PageDefinition<"signIn"> = {
  name: "signIn",
  path: "/sign-in",
  access: "public",
  view: async (page, state) => {
    const returnTo = returnToOf(page);
    if (page.request.method === "GET" && (await isSignedIn(page)))
      return new GoTo(placeAfter(page, returnTo));
    return { state, returnTo, canSignUp: page.site.settings.signUp };
  },
  forms: [
    {
      limited: true,
      problemAt: { BAD_CREDENTIALS: "password" },
      submit: async (page, form) => {
        const credentials = form.read({ identifier: fields.identifier, password: fields.password });
        const deviceCookie = deviceOf(page);
        const { flows } = page.site.service;
        const returnTo = returnToOf(page);
        return admit(page, returnTo, deviceCookie, () =>
          flows.signIn(requesterOf(page.site.service, page.request), { ...credentials, deviceCookie }),
        );
      },
    },
  ],
};

export const challengePage: PageDefinition<"challenge"> = {
  name: "challenge",
  path: "/challenge",
  access: "public",
  view: async (page, state) =>
    pendingOf(page) ? { state } : new GoTo(page.link("/sign-in"), { id: "challenge.over" }),
  forms: [
    {
      limited: true,
      problemAt: { CHALLENGE_FAILED: "code" },
      submit: async (page: Page, form: Form) => {
        const pending = pendingOf(page);
        if (!pending) return page.redirect(page.link("/sign-in"), { id: "challenge.over" });
        const { code } = form.read({ code: fields.code });
        const { challenge, returnTo } = pending;
        const deviceCookie = deviceOf(page);
        const { flows } = page.site.service;
        return admit(page, returnTo, deviceCookie, () =>
          flows.answerChallenge(requesterOf(page.site.service, page.request), {
            challenge,
            code,
            deviceCookie,
          }),
        );
      },
    },
  ],
};

export const signedInPage: PageDefinition<"signedIn"> = {
  name: "signedIn",
  path: "/signed-in",
  access: "public",
  view: async (page) => {
    const to = returnToOf(page);
    return to === undefined ? new GoTo(page.link("")) : { to };
  },
  forms: [],
};

export const signOutPage: PageDefinition<"signOut"> = {
  name: "signOut",
  path: "/sign-out",
  access: "public",
  view: async (_page, state) => ({ state }),
  forms: [
    {
      submit: async (page) => {
        const { service } = page.site;
        const requester = requesterOf(service, page.request);
        const session = await sessionOfBrowser(page);
        if (session) await service.flows.signOut(requester, session);
        page.setCookie(service.cookies.endSession());
        return page.redirect(page.link("/sign-in"), { id: "sign_out.done" });
      },
    },
  ],
};

/** Where a page was asked to go on to, if that is a place of ours. */
function returnToOf(page: Page): string | undefined {
  const { issuer, trustedOrigins } = page.site.service.settings;
  return safeReturnTo(page.query("return_to"), issuer, trustedOrigins);
}

/** A place of the application's may redirect further, where no form of ours may end: a page of ours goes there. */
function placeAfter(page: Page, returnTo: string | undefined): string {
  const { prefix } = page.site;
  if (returnTo === undefined) return page.link("");
  const isPage = returnTo === prefix || returnTo.startsWith(`${prefix}/`);
  return isPage ? returnTo : page.link("/signed-in", { return_to: returnTo });
}

async function admit(
  page: Page,
  returnTo: string | undefined,
  deviceCookie: string,
  signIn: () => Promise<SignedIn>,
): Promise<FastifyReply> {
  const { cookies, service } = page.site;
  let signedIn: SignedIn;
  try {
    signedIn = await signIn();
  } catch (error) {
    const challenge = challengeIn(error);
    if (challenge === undefined) throw error;
    page.setCookie(cookies.set("pending", JSON.stringify({ challenge, returnTo })));
    return page.redirect(page.link("/challenge"));
  }
  const { token, userId, id: sessionId, idleExpiresAt } = signedIn;
  stateOf(page.request).countedFor = { userId, sessionId };
  page.setCookie(service.cookies.session(token, idleExpiresAt, service.clock.now()));
  page.setCookie(service.cookies.device(deviceCookie));
  page.setCookie(cookies.end("pending"));
  return page.redirect(placeAfter(page, returnTo));
}

function challengeIn(error: unknown): string | undefined {
  if (!(error instanceof IdentityProblem) || error.code !== "CHALLENGE_REQUIRED") return undefined;
  return String(error.members.challenge);
}

function deviceOf(page: Page): string {
  return requesterOf(page.site.service, page.request).deviceId ?? randomKey();
}

interface Pending {
  readonly challenge: string;
  readonly returnTo: string | undefined;
}

function pendingOf(page: Page): Pending | undefined {
  const { cookies, service } = page.site;
  const kept = cookies.read(page.request.headers.cookie, "pending");
  if (kept === undefined) return undefined;
  try {
    const { challenge, returnTo } = JSON.parse(kept) as Record<string, unknown>;
    if (typeof challenge !== "string") return undefined;
    const { issuer, trustedOrigins } = service.settings;
    const to = typeof returnTo === "string" ? returnTo : undefined;
    return { challenge, returnTo: safeReturnTo(to, issuer, trustedOrigins) };
  } catch {
    return undefined;
  }
}

async function sessionOfBrowser({ site: { service }, request }: Page) {
  const token = service.cookies.readSession(request.headers.cookie);
  if (!token) return undefined;
  const check = await service.identity.sessions.validate(token, { touch: false });
  return check.ok ? check.session : undefined;
}

const isSignedIn = async (page: Page): Promise<boolean> => (await sessionOfBrowser(page)) !== undefined;
