// The one end of every way of signing in.
import { mustHaveFactor } from "../../account/assurance.js";
import type { FlowContext } from "../../context.js";
import type { Requester } from "../../requester.js";
import { readSignInAccount } from "../read-account.js";
import { admit } from "./admit.js";
import type { SignedIn, SignInProofs, SignInSteps } from "./candidate.js";
import { decideOn } from "./decide.js";
import { denied } from "./deny.js";
import { held } from "./hold.js";

/**
 * The one end of every way of signing in: judges it, denies it or holds it until what the account's factors or the risk
 * policy ask for is proved, asks the application, opens a session under the user's cap, records it, and tells the owner
 * what they should hear of.
 *
 * @throws IdentityProblem `SIGN_IN_DENIED`, `CHALLENGE_REQUIRED`, `NOTICE_NOT_SENT`, `SIGN_IN_REFUSED`, `HOOK_FAILED`;
 * IdentityError `CHALLENGE_LIMIT`, `AUDIT_NOT_WRITTEN`, and as `sessions.open`.
 */
export async function completeSignIn(
  context: FlowContext,
  requester: Requester,
  input: SignInProofs,
  { claim, account }: SignInSteps = {},
): Promise<SignedIn> {
  const { userId, failures, proofs } = input;
  const { user, factors, judged, slots } = await (account ??
    readSignInAccount(context, requester, userId, failures));
  const candidate = { ...input, user, slots };
  const risk = judged?.assessment.action ?? "allow";
  const policy = mustHaveFactor(context, user.roles) ? "always" : "enrolled";
  const question = { factors, policy, risk, proofs } as const;
  const decision = await decideOn(context, requester, candidate, question);
  if (decision.action === "deny") throw await denied(context, candidate, judged, requester);
  if (decision.action === "challenge") {
    throw await held(context, candidate, { judged, claim }, { requester, ...decision });
  }
  const opened = await admit(context, candidate, { judged, claim }, requester);
  return { ...opened, enrol: decision.enrol };
}
