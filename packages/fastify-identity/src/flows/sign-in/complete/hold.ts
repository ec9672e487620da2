// Holds a sign-in until a challenge or a factor is proved.
import { detectDevice, type FactorDecision } from "@org/db-models";
import { publicReason } from "@org/risk-engine";
import type { Types } from "mongoose";
import { audit } from "../../audit.js";
import type { FlowContext } from "../../context.js";
import { sendNotice } from "../../notices/send-notice.js";
import { originOf } from "../../origin.js";
import { IdentityProblem } from "../../problems.js";
import type { Requester } from "../../requester.js";
import { signInCode } from "../alerts.js";
import { codesOf, recordHighRisk, riskDetails, storedRisk } from "../risk.js";
import { type Candidate, type Claimed, unscored } from "./candidate.js";

interface Asked extends Extract<FactorDecision, { action: "challenge" }> {
  readonly requester: Requester;
}

/** Holds a sign-in: who goes on with it has its token, is the same client, and proves one of what is asked for. */
export async function held(
  context: FlowContext,
  { user, sessionGeneration, proofs, deviceCookie }: Candidate,
  { judged, claim }: Claimed,
  { ask, requester }: Asked,
): Promise<IdentityProblem> {
  const { _id: userId } = user;
  const risk = judged ? storedRisk(judged.assessment) : unscored;
  const client = clientOf(requester, deviceCookie);
  const input = { userId, sessionGeneration, risk, proofs, client };
  const { logins } = context.identity;
  const mailed = ask.includes("email") ? await logins.createChallenge(input) : undefined;
  const { token, expiresAt } = mailed ?? (await logins.createFactorChallenge({ ...input, ask }));
  const details = { ask: ask.join(" "), ...(judged && riskDetails(judged.assessment)) };
  const event = { action: "session.challenged", outcome: "success", subjectId: userId, details } as const;
  await audit(context, requester, event);
  if (judged?.assessment.level === "high")
    await recordHighRisk(context, requester, { userId, reasons: codesOf(judged.assessment.reasons) });
  try {
    if (mailed) await sendNotice(context, signInCode(user, mailed.code, originOf(requester)));
  } catch (cause) {
    return new IdentityProblem("NOTICE_NOT_SENT", {}, { cause });
  }
  const isRisky = judged?.assessment.action === "challenge";
  const reason = isRisky ? { reason: publicReason(judged.assessment) } : {};
  const passkey = ask.includes("passkey") ? await passkeyOptions(context, userId) : {};
  // Where it throws, nobody has the token of the sign-in that is held from now on.
  await claim?.();
  const members = { challenge: token, expiresAt, ask, ...passkey, ...reason };
  return new IdentityProblem("CHALLENGE_REQUIRED", members);
}

/** Options for the passkeys of a user whose first proof was right; none where passkeys were switched off since. */
async function passkeyOptions({ identity }: FlowContext, userId: Types.ObjectId): Promise<object> {
  if (!identity.policies.factors.passkeys) return {};
  const start = await identity.factors.beginPasskeyAuthentication({ userId });
  return start.ok ? { passkey: start.options } : {};
}

/** Key of the client that a held sign-in belongs to: its device cookie, or what its browser is. */
export function clientOf({ deviceId, userAgent }: Requester, deviceCookie = deviceId): string {
  return deviceCookie ?? detectDevice(userAgent).label;
}
