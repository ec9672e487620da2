import { limits, randomKey } from "@org/db-models/core";
import type { FastifyReply } from "fastify";
import { IdentityProblem } from "../../flows/problems.js";
import type { SignedIn } from "../../flows/sign-in/complete-sign-in.js";
import { requesterOf, stateOf } from "../../http/requests.js";
import { untouched } from "../look/frame.js";
import type { Page } from "../page.js";
import { type Form, GoTo, type PageDefinition } from "../serve/define-page.js";
import { fields } from "../serve/fields.js";
import { placeAfter, returnToOf, trusted } from "../serve/go-on.js";
import { providersOf } from "../site.js";
import { type ChallengeMethod, challengeMethods } from "../views.js";

export const signInPage: PageDefinition<"signIn"> = {
  name: "signIn",
  path: "/sign-in",
  access: "public",
  view: async (page, state) => {
    const returnTo = returnToOf(page);
    if (page.request.method === "GET" && (await isSignedIn(page)))
      return new GoTo(placeAfter(page, returnTo));
    // Whom an app expects, as long as nothing was typed.
    const hint = page.query("login_hint")?.slice(0, limits.email);
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
      limited: true,
      submit: async (page) => page.json(await page.site.service.flows.beginPasskey()),
    },
  ],
};

export const challengePage: PageDefinition<"challenge"> = {
  name: "challenge",
  path: "/challenge",
  access: "public",
  view: async (page, state, form) => {
    const pending = pendingOf(page);
    if (!pending) return new GoTo(page.link("/sign-in"), { id: "challenge.over" });
    const { ask, passkey } = pending;
    const method = methodOf(ask, form?.text("method") ?? page.query("method"));
    return { state, method, others: ask.filter((one) => one !== method), passkeyOptions: passkey };
  },
  forms: [
    {
      limited: true,
      problemAt: { CHALLENGE_FAILED: "code", BAD_CREDENTIALS: "password" },
      submit: async (page, form) => {
        const pending = pendingOf(page);
        if (!pending) return page.redirect(page.link("/sign-in"), { id: "challenge.over" });
        const { challenge, ask, returnTo } = pending;
        const proof = proofOf(methodOf(ask, form.text("method")), form);
        const deviceCookie = deviceOf(page);
        const { service } = page.site;
        return admit(page, returnTo, deviceCookie, () =>
          service.flows.answerChallenge(requesterOf(service, page.request), {
            challenge,
            ...proof,
            deviceCookie,
          }),
        );
      },
    },
  ],
};

const isMethod = (one: unknown): one is ChallengeMethod => challengeMethods.some((method) => method === one);

/** The method that was chosen, if it is asked for; else the first. */
function methodOf(ask: readonly ChallengeMethod[], chosen: string | undefined): ChallengeMethod {
  return ask.find((one) => one === chosen) ?? ask[0] ?? "email";
}

function proofOf(method: ChallengeMethod, form: Form) {
  if (method === "passkey") return { passkey: form.read({ response: fields.passkey }).response };
  if (method === "password") return form.read({ password: fields.password });
  if (method === "recovery_code") {
    const { code } = form.read({ code: fields.recoveryCode });
    return { recoveryCode: code };
  }
  const { code } = form.read({ code: fields.code });
  return method === "totp" ? { totp: code } : { code };
}

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
  view: async (page, state) => ({ state, returnTo: returnToOf(page) }),
  forms: [
    {
      submit: async (page) => {
        const { service } = page.site;
        const requester = requesterOf(service, page.request);
        const session = await sessionOfBrowser(page);
        if (session) await service.flows.signOut(requester, session);
        page.setCookie(service.cookies.endSession());
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
    const held = heldBy(error);
    if (!held) throw error;
    // With another device cookie the sign-in could not go on.
    page.setCookie(service.cookies.device(deviceCookie));
    page.setCookie(cookies.set("pending", JSON.stringify({ ...held, returnTo })));
    return page.redirect(page.link("/challenge"));
  }
  const { token, userId, id: sessionId, idleExpiresAt } = signedIn;
  stateOf(page.request).countedFor = { userId, sessionId };
  page.setCookie(service.cookies.session(token, idleExpiresAt, service.clock.now()));
  page.setCookie(service.cookies.device(deviceCookie));
  page.setCookie(cookies.end("pending"));
  return page.redirect(placeAfter(page, returnTo));
}

/** The options of many passkeys are too long for a cookie: then another method must do. */
const maxOptions = 2_000;

function heldBy(error: unknown): Omit<Pending, "returnTo"> | undefined {
  if (!(error instanceof IdentityProblem) || error.code !== "CHALLENGE_REQUIRED") return undefined;
  const { challenge, ask, passkey } = error.members;
  const options = passkey === undefined ? undefined : JSON.stringify(passkey);
  const isKept = options !== undefined && options.length <= maxOptions;
  const methods = (ask as readonly unknown[]).filter(isMethod);
  return {
    challenge: String(challenge),
    ask: methods.filter((method) => method !== "passkey" || isKept),
    passkey: isKept ? options : undefined,
  };
}

/** Whether there are passkeys. */
const hasPasskeys = ({ site }: Page): boolean =>
  site.service.identity.policies.factors.passkeys !== undefined;

export function deviceOf(page: Page): string {
  return requesterOf(page.site.service, page.request).deviceId ?? randomKey();
}

/** A sign-in that waits for a proof. */
interface Pending {
  readonly challenge: string;
  readonly ask: readonly ChallengeMethod[];
  /** Options for a passkey, JSON. */
  readonly passkey: string | undefined;
  readonly returnTo: string | undefined;
}

function pendingOf(page: Page): Pending | undefined {
  const { cookies } = page.site;
  const kept = cookies.read(page.request.headers.cookie, "pending");
  if (kept === undefined) return undefined;
  try {
    const { challenge, ask, passkey, returnTo } = JSON.parse(kept) as Record<string, unknown>;
    if (typeof challenge !== "string" || !Array.isArray(ask)) return undefined;
    const methods = ask.filter(isMethod);
    if (methods.length === 0) return undefined;
    const to = typeof returnTo === "string" ? returnTo : undefined;
    const options = typeof passkey === "string" ? passkey : undefined;
    return { challenge, ask: methods, passkey: options, returnTo: trusted(page, to) };
  } catch {
    return undefined;
  }
}

export async function sessionOfBrowser({ site: { service }, request }: Page) {
  const token = service.cookies.readSession(request.headers.cookie);
  if (!token) return undefined;
  const check = await service.identity.sessions.validate(token, { touch: false });
  return check.ok ? check.session : undefined;
}

const isSignedIn = async (page: Page): Promise<boolean> => (await sessionOfBrowser(page)) !== undefined;
