import { dayMs } from "../circular.js";
import { type Rule, silent } from "../facts.js";
import { growth } from "./growth.js";

/**
 * An account that nobody has used for long: its owner is less likely to notice, and to be the one who is back.
 *
 * Source: time since the last sign-in in PingAM's adaptive module; Entra's return to learning after inactivity.
 * Bounds: 0 to `dormancy.most`.
 */
export const dormancyRule: Rule = ({ policy, profile, idleMs }) => {
  if (profile.learned === 0) return silent;
  const { afterDays, perDoubling, most } = policy.dormancy;
  const days = idleMs / dayMs;
  const logOdds = growth(days, afterDays, perDoubling, most);
  return logOdds > 0 ? [{ code: "dormant_account", logOdds, detail: { days } }] : silent;
};
