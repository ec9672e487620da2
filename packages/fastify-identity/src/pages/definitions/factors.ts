import { encode } from "uqr";
import { z } from "zod";
import { hasFactor } from "../../flows/account/assurance.js";
import { IdentityProblem } from "../../flows/problems.js";
import { handOver, heldSession } from "../../http/guards/held-session.js";
import { sessionOf } from "../../http/guards/identity-of.js";
import { requesterOf } from "../../http/requests.js";
import type { Page } from "../page.js";
import { GoTo, type PageDefinition } from "../serve/define-page.js";
import { fields } from "../serve/fields.js";
import { placeAfter, returnToOf } from "../serve/go-on.js";
import { ShownOnce, sealForSession, unsealForSession } from "../serve/kept-secret.js";
import type { PageViews } from "../views.js";
import { addPasskey } from "./security.js";

const path = "/security/authenticator";
const codesPath = "/security/recovery-codes";

/** Adding an app: its key is made by a button, shown with its QR code, and counts after a right code. */
export const authenticatorPage: PageDefinition<"authenticator"> = {
  name: "authenticator",
  path,
  access: "any_session",
  view: async (page, state) => {
    const offered = await offeredBy(page);
    if (!offered.apps && !offered.passkeys) return new GoTo(page.link("/security"));
    return { state, setup: setupOf(page), returnTo: returnToOf(page), ...offered };
  },
  forms: [
    {
      name: "begin",
      limited: true,
      submit: async (page) => {
        const { flows } = page.site.service;
        const { secret, uri, expiresAt } = await flows.enrolTotp(sessionOf(page.request));
        const sealed = sealForSession(page, purpose, { secret, uri }, expiresAt);
        page.setCookie(page.site.cookies.set("setup", sealed));
        return page.redirect(page.link(path, { return_to: returnToOf(page) }));
      },
    },
    {
      name: "confirm",
      path: `${path}/confirm`,
      limited: true,
      problemAt: { CHALLENGE_FAILED: "code" },
      problemTexts: { CHALLENGE_FAILED: { id: "authenticator.wrong" } },
      submit: async (page, form) => {
        const { service } = page.site;
        const { code } = form.read({ code: fields.code });
        const held = heldSession(service, page.request);
        const requester = requesterOf(service, page.request);
        await service.flows.confirmTotp(requester, held, { code }, (renewed) =>
          handOver(service, page.reply, held, renewed),
        );
        page.setCookie(page.site.cookies.end("setup"));
        const codes = page.link(codesPath, { return_to: returnToOf(page) });
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

const purpose = "authenticator";
const setupKey = z.strictObject({ secret: z.string(), uri: z.string() });

/** The key that this session is setting up, until it counts: what counts is the one in the database. */
function setupOf(page: Page): PageViews["authenticator"]["setup"] {
  const kept = page.site.cookies.read(page.request.headers.cookie, "setup");
  const key = unsealForSession(page, purpose, setupKey, kept);
  if (!key) return undefined;
  const { data } = encode(key.uri, { border: 4 });
  return { ...key, qrCode: data.map((row) => row.map((dark) => (dark ? "1" : "0")).join("")) };
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

const newCodes = new ShownOnce("recovery-codes", z.array(z.string()));

export const recoveryCodesPage: PageDefinition<"recoveryCodes"> = {
  name: "recoveryCodes",
  path: codesPath,
  access: "recent",
  view: async (page, state) => {
    const factors = await page.site.service.identity.factors.read(sessionOf(page.request));
    const { recoveryCodes: left } = factors;
    const returnTo = returnToOf(page);
    if (!hasFactor(factors)) return new GoTo(page.link(path, { return_to: returnTo }));
    const codes = newCodes.take(page);
    if (!codes && page.query("shown") !== undefined)
      return new GoTo(page.link(codesPath, { return_to: returnTo }), { id: "codes.shown_before" });
    return { state, left, codes, returnTo, next: nextOf(page) };
  },
  forms: [
    {
      limited: true,
      submit: async (page) => {
        const { service } = page.site;
        const requester = requesterOf(service, page.request);
        const { codes } = await service.flows.createRecoveryCodes(requester, sessionOf(page.request));
        const shown = newCodes.hand(page, codes);
        return page.redirect(page.link(codesPath, { ...shown, return_to: returnToOf(page) }));
      },
    },
  ],
};
