import type { ComponentType } from "preact";
import { render as renderToString } from "preact-render-to-string";
import type { PageFrame } from "./frame.js";
import * as entry from "./templates/entry.js";
import { Profile } from "./templates/profile.js";
import type { PageName, PageViews } from "./views.js";

type Template<P extends PageName> = ComponentType<{ view: PageViews[P]; frame: PageFrame }>;

const templates: { readonly [P in PageName]: Template<P> } = {
  signIn: entry.SignIn,
  signUp: entry.SignUp,
  checkMail: entry.CheckMail,
  challenge: entry.Challenge,
  forgottenPassword: entry.ForgottenPassword,
  resetPassword: entry.ResetPassword,
  verifyEmail: entry.VerifyEmail,
  signedIn: entry.SignedIn,
  signOut: entry.SignOut,
  profile: Profile,
  error: entry.ErrorPage,
};

/** A page as HTML. Pure. */
export function renderPage<P extends PageName>(name: P, view: PageViews[P], frame: PageFrame): string {
  const Page: Template<P> = templates[name];
  return `<!doctype html>${renderToString(<Page view={view} frame={frame} />)}`;
}
