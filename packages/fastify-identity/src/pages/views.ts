import type { FormState } from "./frame.js";
import type { Text } from "./language.js";

interface WithForm {
  readonly state: FormState;
}

/** Content of each page, as its template gets it. */
export interface PageViews {
  signIn: WithForm & { readonly returnTo: string | undefined; readonly canSignUp: boolean };
  signUp: WithForm & { readonly passwordMin: number };
  checkMail: { readonly purpose: "sign_up" | "reset" | undefined; readonly email: string | undefined };
  challenge: WithForm;
  forgottenPassword: WithForm;
  resetPassword: WithForm & { readonly token: string; readonly passwordMin: number };
  verifyEmail: WithForm & { readonly token: string };
  signedIn: { readonly to: string };
  signOut: WithForm;
  profile: WithForm & { readonly email: string; readonly emailVerified: boolean };
  error: { readonly title: Text; readonly text: Text; readonly reference: string | undefined };
}

export type PageName = keyof PageViews;
