import type { FormState } from "./frame.js";
import type { Text } from "./language.js";

/** Proofs that a held sign-in can ask for. */
export const challengeMethods = ["email", "totp", "recovery_code", "password"] as const;
export type ChallengeMethod = (typeof challengeMethods)[number];

interface WithForm {
  readonly state: FormState;
}

/** Content of each page, as its template gets it. */
export interface PageViews {
  signIn: WithForm & { readonly returnTo: string | undefined; readonly canSignUp: boolean };
  signUp: WithForm & { readonly passwordMin: number };
  checkMail: { readonly purpose: "sign_up" | "reset" | undefined; readonly email: string | undefined };
  challenge: WithForm & {
    /** What is asked for now. */
    readonly method: ChallengeMethod;
    /** What would do instead. */
    readonly others: readonly ChallengeMethod[];
  };
  forgottenPassword: WithForm;
  resetPassword: WithForm & { readonly token: string; readonly passwordMin: number };
  verifyEmail: WithForm & { readonly token: string };
  signedIn: { readonly to: string };
  signOut: WithForm;
  profile: WithForm & { readonly email: string; readonly emailVerified: boolean };
  error: { readonly title: Text; readonly text: Text; readonly reference: string | undefined };
}

export type PageName = keyof PageViews;
