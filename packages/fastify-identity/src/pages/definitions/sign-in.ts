import { limits, randomKey } from "@org/db-models/core";
import type { FastifyReply } from "fastify";
import { IdentityProblem } from "../../flows/problems.js";
import type { SignedIn } from "../../flows/sign-in/complete/candidate.js";
import { hasImpersonation } from "../../http/guards/impersonated.js";
import { handSession, noteOpened, requesterOf } from "../../http/requests.js";
import { untouched } from "../look/frame.js";
import type { Page } from "../page.js";
import { GoTo, type PageDefinition } from "../serve/define-page.js";
import { fields } from "../serve/fields.js";
import { placeAfter, returnToOf } from "../serve/go-on.js";
import { sessionOfBrowser } from "../serve/session-of-browser.js";
import { leadsToApp, providersOf } from "../site.js";

export const signInPage: PageDefinition<"signIn"> = {
  name: "signIn",
  path: "/sign-in",
  access: "public",
  view: async (page, state) => {
    const returnTo = returnToOf(page);
    const { service } = page.site;
    // An impersonation that is over is stopped first, which takes no sign-in.
    const isActing = service.cookies.readImpersonation(page.request.headers.cookie) !== undefined;
    if (page.request.method === "GET" && isActing && hasImpersonation(service))
      return new GoTo(page.link("/impersonation"));
    if (page.request.method === "GET" && (await isSignedIn(page)))
      return new GoTo(placeAfter(page, returnTo));
    // Whom an app expects, as long as nothing was typed.
    const hint = hintOf(page, returnTo);
    const isUntouched = state === untouched && hint !== undefined;
    return {
      state: isUntouched ? { ...state, values: { identifier: hint } } : state,
      returnTo,
      canSignUp: page.site.settings.signUp,
      passkeys: hasPasskeys(page),
      providers: providersOf(page.site),
    };
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
    {
      name: "passkey",
      path: "/sign-in/passkey",
      limited: true,
      submit: async (page, form) => {
        const { response } = form.read({ response: fields.passkey });
        const attempt = form.text("attempt");
        const deviceCookie = deviceOf(page);
        const { service } = page.site;
        return admit(page, returnToOf(page), deviceCookie, () =>
          service.flows.signInWithPasskey(requesterOf(service, page.request), {
            response,
            attempt,
            deviceCookie,
          }),
        );
      },
    },
    {
      path: "/sign-in/passkey/options",
      answers: "script",
      submit: async (page) => page.json(await page.site.service.flows.beginPasskey()),
    },
  ],
};

/** The address says it, or the request of an app to which the sign-in leads back. */
function hintOf(page: Page, returnTo: string | undefined): string | undefined {
  const { site, request } = page;
  const ofApp = leadsToApp(site, returnTo) ? site.cookies.read(request.headers.cookie, "hint") : undefined;
  return (page.query("login_hint") ?? ofApp)?.slice(0, limits.email);
}

export const signedInPage: PageDefinition<"signedIn"> = {
  name: "signedIn",
  path: "/signed-in",
  access: "public",
  impersonated: true,
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
  impersonated: true,
  view: async (page, state) => {
    const session = await sessionOfBrowser(page);
    // The form of one who acts for a user signs nobody else out.
    if (session) page.isOf(session.userId);
    return { state, returnTo: returnToOf(page) };
  },
  forms: [
    {
      impersonated: true,
      submit: async (page) => {
        const { service } = page.site;
        const requester = requesterOf(service, page.request);
        const session = await sessionOfBrowser(page);
        if (session) await service.flows.signOut(requester, session);
        page.setCookie(service.cookies.signOut(page.request.headers.cookie));
        const signIn = page.link("/sign-in", { return_to: returnToOf(page) });
        return page.redirect(signIn, { id: "sign_out.done" });
      },
    },
  ],
};

/** Signs a browser in, or asks it for what is missing. */
export async function admit(
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
    const challenge = challengeOf(error);
    if (challenge === undefined) throw error;
    // With another device cookie the sign-in could not go on.
    page.setCookie(service.cookies.device(deviceCookie));
    page.setCookie(cookies.set("pending", challenge));
    return page.redirect(page.link("/challenge", { return_to: returnTo }));
  }
  const { token, idleExpiresAt } = signedIn;
  noteOpened(page.request, signedIn);
  handSession(service, page.request, page.reply, { token, idleExpiresAt });
  page.setCookie(service.cookies.device(deviceCookie));
  page.setCookie(cookies.end("pending"));
  return page.redirect(placeAfter(page, returnTo));
}

/** Token of a sign-in that is held. */
function challengeOf(error: unknown): string | undefined {
  const isHeld = error instanceof IdentityProblem && error.code === "CHALLENGE_REQUIRED";
  return isHeld ? String(error.members.challenge) : undefined;
}

/** Whether there are passkeys. */
const hasPasskeys = ({ site }: Page): boolean =>
  site.service.identity.policies.factors.passkeys !== undefined;

export function deviceOf(page: Page): string {
  return requesterOf(page.site.service, page.request).deviceId ?? randomKey();
}

const isSignedIn = async (page: Page): Promise<boolean> => (await sessionOfBrowser(page)) !== undefined;
