import { IdentityProblem } from "../../flows/problems.js";
import { requesterOf } from "../../http/requests.js";
import { GoTo, type PageDefinition } from "../serve/define-page.js";
import { sessionOfBrowser } from "../serve/session-of-browser.js";

const path = "/impersonation";

/** Where an administrator who acts for a user begins, and stops. */
export const impersonationPage: PageDefinition<"impersonation"> = {
  name: "impersonation",
  path,
  // Also shown where its form was refused, which everybody may send: then the session may be over.
  access: "public",
  impersonated: true,
  view: async (page) => {
    const session = await sessionOfBrowser(page);
    const { cookies, identity, settings } = page.site.service;
    if (!session?.actor) {
      const isOver = cookies.readImpersonation(page.request.headers.cookie) !== undefined;
      return isOver ? { acts: undefined, home: settings.issuer } : new GoTo(page.link(""));
    }
    const { userId, absoluteExpiresAt: until } = session;
    page.isOf(userId);
    const { email } = await identity.users.read(userId);
    return { acts: { email, until }, home: settings.issuer };
  },
  forms: [
    {
      path: `${path}/stop`,
      impersonated: true,
      submit: async (page) => {
        const { service, adminPrefix } = page.site;
        const session = await sessionOfBrowser(page);
        // The browser has no impersonation: another tab has stopped it, and nobody is to be signed out.
        if (session && !session.actor) throw new IdentityProblem("SESSION_NOT_FOUND");
        if (session) await service.flows.signOut(requesterOf(service, page.request), session);
        page.setCookie(service.cookies.endImpersonation());
        const place = session ? `/users/${session.userId.toHexString()}` : "/impersonations";
        return page.redirect(`${adminPrefix}${place}`, { id: "impersonation.stopped" });
      },
    },
  ],
};
