import { stopImpersonation } from "../../http/guards/stop-impersonation.js";
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
        const userId = await stopImpersonation(service, page.request, page.reply);
        const place = userId ? `/users/${userId.toHexString()}` : "/impersonations";
        return page.redirect(`${adminPrefix}${place}`, { id: "impersonation.stopped" });
      },
    },
  ],
};
