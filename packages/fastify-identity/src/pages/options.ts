import { z } from "zod";
import type { Notice } from "../flows/notices/notice.js";
import { functionOption } from "../flows/options.js";
import type { PageFrame } from "./look/frame.js";
import type { Catalogue } from "./look/language.js";
import { type PageTheme, themeSchema } from "./look/theme.js";
import type { MailRenderer } from "./mail-view.js";
import { english } from "./messages/english.js";
import type { DemoView, PageName, PageViews } from "./views.js";

/** A page of the application's own: the whole document as HTML. Escaping is up to it. */
export type PageRenderer<P extends PageName> = (
  view: PageViews[P],
  frame: PageFrame,
) => string | Promise<string>;

/** Options of the pages. */
export interface PageOptions {
  /** Path before the pages. Default: `/account`. */
  readonly prefix?: string;
  readonly theme?: PageTheme;
  /** Texts in other languages; what a catalogue leaves out stays English. Default: none. */
  readonly messages?: readonly Catalogue[];
  /** Pages to replace, by name. The routes behind them stay. Default: none. */
  readonly replace?: { readonly [P in PageName]?: PageRenderer<P> };
  /** Mails to replace, by kind of notice. Default: none. */
  readonly mails?: { readonly [Kind in Notice["kind"]]?: MailRenderer };
  /** HTML below every page, such as legal links. Default: none. */
  readonly footer?: (frame: PageFrame) => string;
  /**
   * A page `/demo` that signs in to given accounts with one click, and names other places. Taken with an issuer on a
   * loopback host only. Default: none.
   */
  readonly demo?: DemoView;
  /** Whether people can create accounts. Default: true. */
  readonly signUp?: boolean;
}

type AnyRenderer = (view: never, frame: PageFrame) => string | Promise<string>;

const pageNames = {
  signIn: "signIn",
  authorize: "authorize",
  goOn: "goOn",
  formPost: "formPost",
  device: "device",
  endSession: "endSession",
  leave: "leave",
  providers: "providers",
  signUp: "signUp",
  checkMail: "checkMail",
  challenge: "challenge",
  forgottenPassword: "forgottenPassword",
  resetPassword: "resetPassword",
  verifyEmail: "verifyEmail",
  emailChange: "emailChange",
  confirmEmail: "confirmEmail",
  undoEmail: "undoEmail",
  reportSignIn: "reportSignIn",
  recover: "recover",
  finishRecovery: "finishRecovery",
  cancelRecovery: "cancelRecovery",
  signedIn: "signedIn",
  signOut: "signOut",
  impersonation: "impersonation",
  profile: "profile",
  password: "password",
  confirm: "confirm",
  security: "security",
  allowlist: "allowlist",
  authenticator: "authenticator",
  removeAuthenticator: "removeAuthenticator",
  recoveryCodes: "recoveryCodes",
  apps: "apps",
  ownApps: "ownApps",
  appUsage: "appUsage",
  apiKeys: "apiKeys",
  apiKeyShown: "apiKeyShown",
  activity: "activity",
  usage: "usage",
  data: "data",
  demo: "demo",
  error: "error",
} as const satisfies { [P in PageName]: P };

const mailKinds = {
  sign_in_code: "sign_in_code",
  new_device: "new_device",
  new_location: "new_location",
  email_verification: "email_verification",
  account_exists: "account_exists",
  email_change: "email_change",
  email_change_requested: "email_change_requested",
  email_in_use: "email_in_use",
  email_changed: "email_changed",
  email_change_undone: "email_change_undone",
  password_reset: "password_reset",
  password_changed: "password_changed",
  second_factor_changed: "second_factor_changed",
  recovery_code_used: "recovery_code_used",
  factor_recovery: "factor_recovery",
  factor_recovery_token: "factor_recovery_token",
  external_identity_changed: "external_identity_changed",
  sign_in_reported: "sign_in_reported",
  impersonation_started: "impersonation_started",
} as const satisfies { [Kind in Notice["kind"]]: Kind };

const catalogueSchema = z.strictObject({
  lang: z.string().refine(isLanguageTag, "must be a BCP 47 language tag"),
  dir: z.enum(["ltr", "rtl"]).default("ltr"),
  messages: z.partialRecord(z.enum(Object.keys(english)), z.string().max(2_000)),
});

const shown = z.string().max(200);

/** The options of the pages, with their defaults. */
export const pageOptionsSchema = z.strictObject({
  prefix: z
    .string()
    .regex(/^(\/[\w.~-]+)+$/, "must be a path such as /account")
    .default("/account"),
  theme: themeSchema.prefault({}),
  messages: z
    .array(catalogueSchema)
    .default([])
    .transform((catalogues) => catalogues as readonly Catalogue[]),
  replace: z.partialRecord(z.enum(pageNames), functionOption<AnyRenderer>()).default({}),
  mails: z.partialRecord(z.enum(mailKinds), functionOption<MailRenderer>()).default({}),
  footer: functionOption<NonNullable<PageOptions["footer"]>>().optional(),
  demo: z
    .strictObject({
      accounts: z.array(
        z.strictObject({ label: shown, text: shown, identifier: z.string(), password: z.string() }),
      ),
      links: z.array(z.strictObject({ label: shown, text: shown, href: z.string().regex(/^\/(?![/\\])/) })),
    })
    .optional(),
  signUp: z.boolean().default(true),
});

export type PageSettings = z.output<typeof pageOptionsSchema>;

function isLanguageTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}
