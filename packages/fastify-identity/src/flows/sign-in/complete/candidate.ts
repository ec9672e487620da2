// Who is about to sign in, with proofs, account and judgement, and who has.
import type { OpenedSession, ProofMethod, RiskAssessment } from "@org/db-models";
import type { Types } from "mongoose";
import type { SignInFailures } from "../check-password.js";
import type { SignInAccount } from "../read-account.js";
import type { JudgedSignIn } from "../risk.js";

/** Evidence of the user's identity. */
export interface SignInProofs {
  readonly userId: Types.ObjectId;
  /** Methods that were proved in this sign-in; the first is the way of signing in. */
  readonly proofs: readonly ProofMethod[];
  /** The account's generation when the proofs were checked; a session of an older one does not live. */
  readonly sessionGeneration: number;
  /** Failures before this attempt, for its judgement. */
  readonly failures?: SignInFailures;
  /** The judgement that held the sign-in before. */
  readonly risk?: RiskAssessment | undefined;
  /** Signs of risk that the proofs showed, for the session's reasons; alone they raise no level. */
  readonly signs?: readonly string[];
  /** Cookie by which the device is known from now on. A sign-in that is held goes on only with the same one. */
  readonly deviceCookie?: string | undefined;
}

/** What goes on beside a sign-in. */
export interface SignInSteps {
  /** Ends what the proofs were given for, once nothing but the session is missing; where it throws, nobody signs in. */
  readonly claim?: () => Promise<void>;
  /** The account, where reading it has begun. Default: it is read now. */
  readonly account?: Promise<SignInAccount> | undefined;
}

/** Evidence with the account that it is for. */
export type Candidate = SignInProofs & Pick<SignInAccount, "user" | "slots">;
/** Absent where nothing judges sign-ins. */
export type Judged = JudgedSignIn | undefined;

/** A judgement, and what is to be ended before its outcome leaves. */
export interface Claimed {
  readonly judged: Judged;
  readonly claim: SignInSteps["claim"] | undefined;
}

/** The risk of a sign-in that nothing judged. */
export const unscored: RiskAssessment = { level: "unscored", reasons: [] };

/** A session that was just opened, and whose it is. */
export type SignedIn = OpenedSession & {
  userId: Types.ObjectId;
  /** True when the user must have a second factor and is to enrol one now: guards refuse the session until then. */
  enrol: boolean;
};
