import { sessionOf } from "../../http/guards/identity-of.js";
import { requesterOf } from "../../http/requests.js";
import { GoTo, type PageDefinition } from "../serve/define-page.js";
import { fields } from "../serve/fields.js";
import { tokenOf } from "./accounts.js";

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

/** Showing the page uses nothing up: programs that scan mails follow every link. The button does. */
export const confirmEmailPage: PageDefinition<"confirmEmail"> = {
  name: "confirmEmail",
  path: "/confirm-email",
  access: "public",
  view: async (page, state, form) => {
    const token = tokenOf(page, form);
    return token === undefined ? new GoTo(page.link("")) : { state, token };
  },
  forms: [
    {
      limited: true,
      problemTexts: { TOKEN_INVALID: { id: "email.invalid" } },
      submit: async (page, form) => {
        const { service } = page.site;
        const token = form.text("token");
        await service.flows.confirmEmailChange(requesterOf(service, page.request), { token });
        return page.redirect(page.link(""), { id: "email.done" });
      },
    },
  ],
};

export const undoEmailPage: PageDefinition<"undoEmail"> = {
  name: "undoEmail",
  path: "/undo-email",
  access: "public",
  view: async (page, state, form) => {
    const token = tokenOf(page, form);
    return token === undefined ? new GoTo(page.link("")) : { state, token };
  },
  forms: [
    {
      limited: true,
      problemTexts: { TOKEN_INVALID: { id: "email.invalid" } },
      submit: async (page, form) => {
        const { service } = page.site;
        const token = form.text("token");
        await service.flows.undoEmailChange(requesterOf(service, page.request), { token });
        page.setCookie(service.cookies.endSession());
        return page.redirect(page.link("/sign-in"), { id: "email.undone" });
      },
    },
  ],
};
