// Denies a sign-in.
import { publicReason } from "@org/risk-engine";
import { tellHook } from "../../ask-hooks.js";
import { audit } from "../../audit.js";
import type { FlowContext } from "../../context.js";
import { IdentityProblem } from "../../problems.js";
import type { Requester } from "../../requester.js";
import { codesOf, recordHighRisk, riskDetails } from "../risk.js";
import type { Candidate, Judged } from "./candidate.js";

/** Records that a sign-in was denied; the answer to it. */
export async function denied(
  context: FlowContext,
  { user, proofs }: Candidate,
  judged: Judged,
  requester: Requester,
): Promise<IdentityProblem> {
  const { _id: userId } = user;
  const isRisky = judged?.assessment.action === "deny";
  await audit(context, requester, {
    action: "session.opened",
    outcome: "denied",
    subjectId: userId,
    details: { reason: isRisky ? "risk" : "proofs", ...(judged && riskDetails(judged.assessment)) },
  });
  if (!judged || !isRisky) return new IdentityProblem("SIGN_IN_DENIED");
  const reasons = codesOf(judged.assessment.reasons);
  await recordHighRisk(context, requester, { userId, reasons });
  tellHook(context, requester, "onRiskDenied", () =>
    context.hooks.onRiskDenied?.({ userId, proofs, reasons }, requester),
  );
  return new IdentityProblem("SIGN_IN_DENIED", { reason: publicReason(judged.assessment) });
}
