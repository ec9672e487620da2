import type { Reason, Rule } from "../facts.js";
import { habitualFlags, weightOf } from "../profile.js";
import { habit } from "./habit.js";

/**
 * Tor, VPN, proxy, hosting company, list of attackers: what the caller's lists say of the address, if they are fresh.
 * A person who always comes through a VPN is not suspicious for it, so each is compared with the user's own habit. A
 * relay, a satellite and a shared way out say nothing here; they only take the place away.
 *
 * Source: the anonymiser and reputation signals that every engine has (section 4 of the guide); reputation as a bounded
 * multiplier, because estimating p(A|x) from attack data made the published model worse.
 * Bounds: 0 to `flags.most` each.
 */
export const flagsRule: Rule = ({ policy, profile, flags, fading }) => {
  const reasons: Reason[] = [];
  for (const kind of flags) {
    if (!habitualFlags.includes(kind)) continue;
    const { attackers, people } = policy.flags[kind as "tor"];
    const seen = weightOf(profile.flags, kind) * fading;
    const logOdds = habit({ seen, of: profile.weight * fading, attackers, people }, policy.flags.most);
    if (logOdds > 0) reasons.push({ code: kind, logOdds, detail: { seen, of: profile.weight * fading } });
  }
  return reasons;
};
