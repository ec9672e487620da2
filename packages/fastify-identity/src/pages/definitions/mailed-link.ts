// Pages behind the links of mails.

import type { FastifyReply } from "fastify";
import type { Text } from "../look/language.js";
import type { Page } from "../page.js";
import { type Form, GoTo, type PageDefinition } from "../serve/define-page.js";

const maxToken = 128;

/** The token of a mail's link, or of its form. */
export function tokenOf(page: Page, form: Form | undefined): string | undefined {
  const token = form?.text("token") || page.query("token");
  return token && token.length <= maxToken ? token : undefined;
}

type MailedLinkName = "verifyEmail" | "confirmEmail" | "undoEmail" | "cancelRecovery" | "reportSignIn";

/** A page of a mail's link, which shows a button and nothing else. */
interface MailedLink<P extends MailedLinkName> {
  readonly name: P;
  readonly path: string;
  /** Text for a token that is not, or no longer, good. */
  readonly invalid: Text;
  /** Uses the token, and says where to go. */
  use(page: Page, token: string): Promise<FastifyReply>;
}

/** Showing the page uses nothing up: programs that scan mails follow every link. The button does. */
export function mailedLinkPage<P extends MailedLinkName>({
  name,
  path,
  invalid,
  use,
}: MailedLink<P>): PageDefinition<P> {
  return {
    name,
    path,
    access: "public",
    view: async (page, state, form) => {
      const token = tokenOf(page, form);
      return token === undefined ? new GoTo(page.link("")) : { state, token };
    },
    forms: [
      {
        limited: true,
        problemTexts: { TOKEN_INVALID: invalid },
        submit: (page, form) => use(page, form.text("token")),
      },
    ],
  };
}
