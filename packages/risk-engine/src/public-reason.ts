import type { Reason } from "./facts.js";
import type { RiskAction } from "./policy.js";

/** The reason for a challenge that the person may see. */
export type PublicReason = "new_device" | "new_location" | "unusual_activity";

const told: Readonly<Record<string, PublicReason>> = {
  new_agent: "new_device",
  new_browser: "new_device",
  new_system: "new_device",
  new_device_type: "new_device",
  unknown_device: "new_device",
  session_device: "new_device",
  new_ip: "new_location",
  new_network: "new_location",
  new_operator: "new_location",
  new_country: "new_location",
  session_operator: "new_location",
  session_country: "new_location",
};

/**
 * The reason that the person signing in may see: one of three, all of which an attacker knows already. It reveals no
 * score, list, limit or history of the account: each would help an attacker.
 *
 * @returns `undefined` when nothing was asked for.
 */
export function publicReason(assessment: {
  readonly action: RiskAction;
  readonly reasons: readonly Reason[];
}): PublicReason | undefined {
  if (assessment.action === "allow") return undefined;
  const [first] = assessment.reasons;
  if (!first || first.logOdds <= 0) return "unusual_activity";
  return (Object.hasOwn(told, first.code) && told[first.code]) || "unusual_activity";
}
