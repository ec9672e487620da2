import { audit, byOwner } from "../../flows/audit.js";
import { sessionOf } from "../../http/identity-of.js";
import { requesterOf } from "../../http/requests.js";
import type { PageDefinition } from "../define-page.js";
import { fields } from "../fields.js";

export const profilePage: PageDefinition<"profile"> = {
  name: "profile",
  path: "",
  access: "session",
  view: async (page, state) => {
    const { email, emailVerifiedAt } = await page.user();
    return { state, email, emailVerified: emailVerifiedAt !== undefined };
  },
  forms: [
    {
      name: "profile",
      submit: async (page, form) => {
        const { display_name: displayName = null } = form.read({ display_name: fields.displayName });
        const { service } = page.site;
        const { userId } = sessionOf(page.request);
        await service.identity.users.updateProfile({ userId, changes: { displayName } });
        const event = byOwner(userId, "profile.changed", { fields: "displayName" });
        await audit(service, requesterOf(service, page.request), event);
        return page.redirect(page.link(""), { id: "profile.saved" });
      },
    },
    {
      name: "verification",
      path: "/verification",
      limited: true,
      submit: async (page) => {
        await page.site.service.flows.requestEmailVerification(sessionOf(page.request));
        const { email } = await page.user();
        return page.redirect(page.link(""), { id: "profile.verification_sent", values: { email } });
      },
    },
  ],
};
