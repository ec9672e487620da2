// Pages for who has lost every second factor.
import { requesterOf } from "../../http/requests.js";
import { GoTo, type PageDefinition } from "../serve/define-page.js";
import { fields } from "../serve/fields.js";
import { mailedLinkPage, tokenOf } from "./mailed-link.js";

const credentials = { identifier: fields.identifier, password: fields.password } as const;

const problemTexts = {
  FACTOR_NOT_FOUND: { id: "recover.no_factor" },
  RECOVERY_REFUSED: { id: "recover.refused" },
  TOKEN_INVALID: { id: "recover.invalid" },
} as const;

/** Begins the wait; asked again once it is over, it has the link mailed. */
export const recoverPage: PageDefinition<"recover"> = {
  name: "recover",
  path: "/recover",
  access: "public",
  view: async (_page, state) => ({ state }),
  forms: [
    {
      limited: true,
      problemAt: { BAD_CREDENTIALS: "password" },
      problemTexts,
      submit: async (page, form) => {
        const { service } = page.site;
        const requester = requesterOf(service, page.request);
        const { state, availableAt } = await service.flows.requestRecovery(requester, form.read(credentials));
        const date = new Intl.DateTimeFormat(page.catalogue().lang, {
          dateStyle: "long",
          timeStyle: "long",
          timeZone: "UTC",
        }).format(availableAt);
        return page.redirect(page.link("/recover"), { id: `recover.${state}`, values: { date } });
      },
    },
  ],
};

export const finishRecoveryPage: PageDefinition<"finishRecovery"> = {
  name: "finishRecovery",
  path: "/recover/finish",
  access: "public",
  view: async (page, state, form) => {
    const token = tokenOf(page, form);
    return token === undefined ? new GoTo(page.link("/recover")) : { state, token };
  },
  forms: [
    {
      limited: true,
      problemAt: { BAD_CREDENTIALS: "password" },
      problemTexts,
      submit: async (page, form) => {
        const { service } = page.site;
        const input = { ...form.read(credentials), token: form.text("token") };
        await service.flows.completeRecovery(requesterOf(service, page.request), input);
        page.setCookie(service.cookies.endSession());
        return page.redirect(page.link("/sign-in"), { id: "recover.done" });
      },
    },
  ],
};

export const cancelRecoveryPage = mailedLinkPage({
  name: "cancelRecovery",
  path: "/recover/cancel",
  invalid: { id: "recover.invalid" },
  use: async (page, token) => {
    const { service } = page.site;
    await service.flows.cancelRecovery(requesterOf(service, page.request), { token });
    return page.redirect(page.link("/sign-in"), { id: "recover.cancelled" });
  },
});
