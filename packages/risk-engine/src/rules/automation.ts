import { type Rule, silent } from "../facts.js";
import { habit } from "./habit.js";

/**
 * A program instead of a person: by its user agent, or because the page saw one. Users whose programs sign in are held
 * against their own habit.
 *
 * Source: the bot signals of Castle, MaxMind and iya-sts; names in `user-agent.ts`.
 * Bounds: 0 to `automation.most`.
 */
export const automationRule: Rule = ({ policy, profile, features, context, fading }) => {
  if (!features.automated && context.automated !== true) return silent;
  const { attackers, people, most } = policy.automation;
  const counts = { seen: profile.automated * fading, of: profile.weight * fading };
  const logOdds = habit({ ...counts, attackers, people }, most);
  return logOdds > 0 ? [{ code: "automated", logOdds, detail: counts }] : silent;
};
