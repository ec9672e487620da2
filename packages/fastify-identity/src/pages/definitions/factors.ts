import { encode } from "uqr";
import { hasFactor } from "../../flows/account/assurance.js";
import { IdentityProblem } from "../../flows/problems.js";
import { handOver, heldSession } from "../../http/guards/held-session.js";
import { sessionOf } from "../../http/guards/identity-of.js";
import { requesterOf } from "../../http/requests.js";
import { untouched } from "../look/frame.js";
import type { Page } from "../page.js";
import { type Form, GoTo, type PageDefinition } from "../serve/define-page.js";
import { fields } from "../serve/fields.js";
import { placeAfter, returnToOf } from "../serve/go-on.js";
import type { PageViews } from "../views.js";
import { addPasskey } from "./security.js";

const path = "/security/authenticator";

/** Adding an app: its key is made by a button, shown with its QR code, and counts after a right code. */
export const authenticatorPage: PageDefinition<"authenticator"> = {
  name: "authenticator",
  path,
  access: "any_session",
  view: async (page, state, form) => {
    const offered = await offeredBy(page);
    if (!offered.apps && !offered.passkeys) return new GoTo(page.link("/security"));
    return { state, setup: form && setupIn(form), returnTo: returnToOf(page), ...offered };
  },
  forms: [
    {
      name: "begin",
      limited: true,
      submit: async (page) => {
        const { flows } = page.site.service;
        const { secret, uri } = await flows.enrolTotp(sessionOf(page.request));
        const setup = setupOf(secret, uri);
        const returnTo = returnToOf(page);
        return page.show("authenticator", { state: untouched, setup, returnTo, apps: true, passkeys: false });
      },
    },
    {
      name: "confirm",
      path: `${path}/confirm`,
      limited: true,
      problemAt: { CHALLENGE_FAILED: "code" },
      submit: async (page, form) => {
        const { service } = page.site;
        const { code } = form.read({ code: fields.code });
        const held = heldSession(service, page.request);
        const requester = requesterOf(service, page.request);
        await service.flows.confirmTotp(requester, held, { code }, (renewed) =>
          handOver(service, page.reply, held, renewed),
        );
        const codes = page.link("/security/recovery-codes", { return_to: returnToOf(page) });
        return page.redirect(codes, { id: "authenticator.done" });
      },
    },
    { ...addPasskey, path: `${path}/passkey` },
  ],
};

/** What a page offers to add. Who must have a second factor, and has none, comes to this page and to no other. */
async function offeredBy(page: Page): Promise<{ apps: boolean; passkeys: boolean }> {
  const { factors } = page.site.service.identity;
  const isFirst = !hasFactor(await factors.read(sessionOf(page.request)));
  return { apps: factors.kinds.includes("totp"), passkeys: isFirst && factors.kinds.includes("passkey") };
}

type Setup = NonNullable<PageViews["authenticator"]["setup"]>;

function setupOf(secret: string, uri: string): Setup {
  const { data } = encode(uri, { border: 4 });
  return { secret, uri, qrCode: data.map((row) => row.map((dark) => (dark ? "1" : "0")).join("")) };
}

const maxUri = 500;

/** The key that a form repeats, to be shown again; what counts is the one in the database. */
function setupIn(form: Form): Setup | undefined {
  const uri = form.text("setup");
  if (!uri.startsWith("otpauth://totp/") || uri.length > maxUri || !URL.canParse(uri)) return undefined;
  return setupOf(new URL(uri).searchParams.get("secret") ?? "", uri);
}

export const removeAuthenticatorPage: PageDefinition<"removeAuthenticator"> = {
  name: "removeAuthenticator",
  path: `${path}/remove`,
  access: "recent",
  view: async (_page, state) => ({ state }),
  forms: [
    {
      submit: async (page) => {
        const { service } = page.site;
        const requester = requesterOf(service, page.request);
        await service.flows.removeTotp(requester, sessionOf(page.request)).catch(unlessGone);
        return page.redirect(page.link("/security"), { id: "authenticator.removed" });
      },
    },
  ],
};

/** A button that was pressed twice has done its work. */
function unlessGone(error: unknown): void {
  if (!(error instanceof IdentityProblem) || error.code !== "FACTOR_NOT_FOUND") throw error;
}

/** Where somebody goes on who was in the middle of something, such as an answer to an app. */
function nextOf(page: Page): string {
  const returnTo = returnToOf(page);
  return returnTo === undefined ? page.link("/security") : placeAfter(page, returnTo);
}

export const recoveryCodesPage: PageDefinition<"recoveryCodes"> = {
  name: "recoveryCodes",
  path: "/security/recovery-codes",
  access: "recent",
  view: async (page, state) => {
    const factors = await page.site.service.identity.factors.read(sessionOf(page.request));
    const { recoveryCodes: left } = factors;
    const returnTo = returnToOf(page);
    if (!hasFactor(factors)) return new GoTo(page.link(path, { return_to: returnTo }));
    return { state, left, codes: undefined, returnTo, next: nextOf(page) };
  },
  forms: [
    {
      limited: true,
      submit: async (page) => {
        const { service } = page.site;
        const requester = requesterOf(service, page.request);
        const { codes } = await service.flows.createRecoveryCodes(requester, sessionOf(page.request));
        const places = { returnTo: returnToOf(page), next: nextOf(page) };
        return page.show("recoveryCodes", { state: untouched, left: codes.length, codes, ...places });
      },
    },
  ],
};
