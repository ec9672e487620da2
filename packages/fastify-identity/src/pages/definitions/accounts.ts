import { passwordLength } from "@org/db-models";
import { limits } from "@org/db-models/core";
import { requesterOf } from "../../http/requests.js";
import type { Page } from "../page.js";
import { GoTo, type PageDefinition } from "../serve/define-page.js";
import { fields } from "../serve/fields.js";
import { placeAfter, returnToOf } from "../serve/go-on.js";
import { sessionOfBrowser } from "../serve/session-of-browser.js";
import { providersOf } from "../site.js";
import { mailedLinkPage, tokenOf } from "./mailed-link.js";

const passwordMin = passwordLength.min;

export const signUpPage: PageDefinition<"signUp"> = {
  name: "signUp",
  path: "/sign-up",
  access: "public",
  view: async (page, state) => {
    const returnTo = returnToOf(page);
    if (page.request.method === "GET" && (await sessionOfBrowser(page)))
      return new GoTo(placeAfter(page, returnTo));
    return { state, passwordMin, providers: providersOf(page.site), returnTo };
  },
  forms: [
    {
      limited: true,
      problemAt: { PASSWORD_TOO_COMMON: "new_password" },
      submit: async (page, form) => {
        const { email, new_password, display_name } = form.read({
          display_name: fields.displayName,
          email: fields.email,
          new_password: fields.newPassword,
        });
        const { service } = page.site;
        await service.flows.signUp(requesterOf(service, page.request), {
          email,
          password: new_password,
          language: page.catalogue().lang,
          ...(display_name !== undefined && { displayName: display_name }),
        });
        return lookInMail(page, "sign_up", form.text("email"));
      },
    },
  ],
};

export const forgottenPasswordPage: PageDefinition<"forgottenPassword"> = {
  name: "forgottenPassword",
  path: "/forgotten-password",
  access: "public",
  view: async (page, state) => ({ state, returnTo: returnToOf(page) }),
  forms: [
    {
      limited: true,
      submit: async (page, form) => {
        const { email } = form.read({ email: fields.email });
        const { service } = page.site;
        service.flows.requestPasswordReset(requesterOf(service, page.request), { email });
        return lookInMail(page, "reset", form.text("email"));
      },
    },
  ],
};

/** The address is shown as it was typed, so that a mistake is seen; it stays in the browser. */
function lookInMail(page: Page, purpose: "sign_up" | "reset", email: string) {
  const kept = JSON.stringify({ purpose, email: email.slice(0, limits.email) });
  page.setCookie(page.site.cookies.set("mail", kept));
  return page.redirect(page.link("/check-mail", { return_to: returnToOf(page) }));
}

export const checkMailPage: PageDefinition<"checkMail"> = {
  name: "checkMail",
  path: "/check-mail",
  access: "public",
  view: async (page) => {
    const kept = page.site.cookies.read(page.request.headers.cookie, "mail");
    const { purpose, email } = readKept(kept);
    const known = purpose === "sign_up" || purpose === "reset";
    return {
      purpose: known ? purpose : undefined,
      email: typeof email === "string" ? email.slice(0, limits.email) : undefined,
      returnTo: returnToOf(page),
    };
  },
  forms: [],
};

function readKept(kept: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(kept ?? "null");
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

export const resetPasswordPage: PageDefinition<"resetPassword"> = {
  name: "resetPassword",
  path: "/reset-password",
  access: "public",
  view: async (page, state, form) => {
    const token = tokenOf(page, form);
    if (token === undefined) return new GoTo(page.link("/forgotten-password"));
    return { state, token, passwordMin };
  },
  forms: [
    {
      limited: true,
      problemAt: { PASSWORD_TOO_COMMON: "new_password" },
      problemTexts: { TOKEN_INVALID: { id: "reset.invalid" } },
      submit: async (page, form) => {
        const { new_password: password } = form.read({ new_password: fields.newPassword });
        const { service } = page.site;
        const token = form.text("token");
        await service.flows.resetPassword(requesterOf(service, page.request), { token, password });
        page.setCookie(service.cookies.endSession());
        return page.redirect(page.link("/sign-in"), { id: "reset.done" });
      },
    },
  ],
};

export const verifyEmailPage = mailedLinkPage({
  name: "verifyEmail",
  path: "/verify-email",
  invalid: { id: "verify.invalid" },
  use: async (page, token) => {
    const { service } = page.site;
    await service.flows.verifyEmail(requesterOf(service, page.request), { token });
    return page.redirect(page.link(""), { id: "verify.done" });
  },
});
