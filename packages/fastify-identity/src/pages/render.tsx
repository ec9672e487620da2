import type { ComponentType } from "preact";
import { render as renderToString } from "preact-render-to-string";
import type { PageFrame } from "./look/frame.js";
import * as keys from "./templates/api-keys.js";
import { Apps } from "./templates/apps.js";
import { Demo } from "./templates/demo.js";
import * as email from "./templates/email-change.js";
import * as entry from "./templates/entry.js";
import * as factors from "./templates/factors.js";
import { Impersonation } from "./templates/impersonation.js";
import { Allowlist } from "./templates/networks.js";
import * as oauth from "./templates/oauth.js";
import * as ownApps from "./templates/own-apps.js";
import * as profile from "./templates/profile.js";
import * as providers from "./templates/providers.js";
import * as records from "./templates/records.js";
import * as recovery from "./templates/recovery.js";
import { Security } from "./templates/security.js";
import { ReportSignIn } from "./templates/sign-in-reports.js";
import type { PageName, PageViews } from "./views.js";

type Template<P extends PageName> = ComponentType<{ view: PageViews[P]; frame: PageFrame }>;

const templates: { readonly [P in PageName]: Template<P> } = {
  signIn: entry.SignIn,
  authorize: oauth.Authorize,
  goOn: oauth.GoOn,
  formPost: oauth.FormPost,
  device: oauth.Device,
  endSession: oauth.EndSession,
  leave: providers.Leave,
  providers: providers.Providers,
  signUp: entry.SignUp,
  checkMail: entry.CheckMail,
  challenge: entry.Challenge,
  forgottenPassword: entry.ForgottenPassword,
  resetPassword: entry.ResetPassword,
  verifyEmail: entry.VerifyEmail,
  emailChange: email.EmailChange,
  confirmEmail: email.ConfirmEmail,
  undoEmail: email.UndoEmail,
  reportSignIn: ReportSignIn,
  recover: recovery.Recover,
  finishRecovery: recovery.FinishRecovery,
  cancelRecovery: recovery.CancelRecovery,
  signedIn: entry.SignedIn,
  signOut: entry.SignOut,
  impersonation: Impersonation,
  profile: profile.Profile,
  password: profile.Password,
  confirm: profile.Confirm,
  security: Security,
  allowlist: Allowlist,
  authenticator: factors.Authenticator,
  removeAuthenticator: factors.RemoveAuthenticator,
  recoveryCodes: factors.RecoveryCodes,
  apps: Apps,
  ownApps: ownApps.OwnApps,
  appUsage: ownApps.AppUsage,
  apiKeys: keys.ApiKeys,
  apiKeyShown: keys.ApiKeyShown,
  activity: records.Activity,
  usage: records.Usage,
  data: records.Data,
  demo: Demo,
  error: entry.ErrorPage,
};

/** A page as HTML. Pure. */
export function renderPage<P extends PageName>(name: P, view: PageViews[P], frame: PageFrame): string {
  const Page: Template<P> = templates[name];
  return `<!doctype html>${renderToString(<Page view={view} frame={frame} />)}`;
}
