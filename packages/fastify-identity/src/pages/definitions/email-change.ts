import { sessionOf } from "../../http/guards/identity-of.js";
import { requesterOf } from "../../http/requests.js";
import type { PageDefinition } from "../serve/define-page.js";
import { fields } from "../serve/fields.js";
import { mailedLinkPage } from "./mailed-link.js";

export const emailChangePage: PageDefinition<"emailChange"> = {
  name: "emailChange",
  path: "/email",
  access: "recent",
  view: async (page, state) => ({ state, email: (await page.user()).email }),
  forms: [
    {
      limited: true,
      problemAt: { EMAIL_UNCHANGED: "email" },
      submit: async (page, form) => {
        const { email } = form.read({ email: fields.email });
        const { service } = page.site;
        const requester = requesterOf(service, page.request);
        await service.flows.requestEmailChange(requester, sessionOf(page.request), { email });
        return page.redirect(page.link(""), { id: "email.sent", values: { email: form.text("email") } });
      },
    },
  ],
};

export const confirmEmailPage = mailedLinkPage({
  name: "confirmEmail",
  path: "/confirm-email",
  invalid: { id: "email.invalid" },
  use: async (page, token) => {
    const { service } = page.site;
    await service.flows.confirmEmailChange(requesterOf(service, page.request), { token });
    return page.redirect(page.link(""), { id: "email.done" });
  },
});

export const undoEmailPage = mailedLinkPage({
  name: "undoEmail",
  path: "/undo-email",
  invalid: { id: "email.invalid" },
  use: async (page, token) => {
    const { service } = page.site;
    await service.flows.undoEmailChange(requesterOf(service, page.request), { token });
    page.setCookie(service.cookies.endSession());
    return page.redirect(page.link("/sign-in"), { id: "email.undone" });
  },
});
