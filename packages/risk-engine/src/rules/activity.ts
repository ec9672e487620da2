import { countOf, type Rule } from "../facts.js";
import { clamp } from "../logistic.js";

/**
 * How much of the user is known. Attackers choose accounts whether or not they are used; legitimate sign-ins come from
 * those who use theirs. So the mean activity over the user's own is a likelihood ratio of its own.
 *
 * Source: p(u|A) / p(u|L) of Freeman et al., NDSS 2016, with one sign-in more on both sides.
 * Bounds: `core.bound` times `core.activity`, either way.
 */
export const activityRule: Rule = ({ policy, profile, population, fading }) => {
  const { logins, users } = population.totals();
  const mean = countOf(users) > 0 ? Math.max(1, countOf(logins) / users) : 1;
  const own = profile.weight * fading;
  const { activity, bound } = policy.core;
  const logOdds = activity * clamp(Math.log((mean + 1) / (own + 1)), -bound, bound);
  return [{ code: "activity", logOdds, detail: { own, mean } }];
};
