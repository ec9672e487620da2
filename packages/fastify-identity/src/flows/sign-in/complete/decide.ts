// Decides what a sign-in still needs.
import type { FactorDecision, FactorQuestion } from "@org/db-models";
import type { FlowContext } from "../../context.js";
import type { Requester } from "../../requester.js";
import type { SignInProofs } from "./candidate.js";

/**
 * The decision, with the device taken for remembered only where that decides. Who must have a second factor is asked at
 * each sign-in: guards would refuse a session without it.
 */
export async function decideOn(
  { identity }: FlowContext,
  { deviceId: deviceCookie }: Requester,
  { userId }: SignInProofs,
  question: FactorQuestion,
): Promise<FactorDecision> {
  const decision = identity.factors.decide(question);
  if (decision.action !== "challenge" || !deviceCookie || question.policy === "always") return decision;
  const onDevice = identity.factors.decide({ ...question, rememberedDevice: true });
  if (onDevice.action !== "allow") return decision;
  return (await identity.factors.isDeviceRemembered({ userId, deviceCookie })) ? onDevice : decision;
}
