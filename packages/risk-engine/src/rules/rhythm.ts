import { angleOf, dayMs, surpriseOf, weekMs } from "../circular.js";
import { type Facts, type Reason, type Rule, silent } from "../facts.js";
import type { Circle } from "../profile.js";

/**
 * The hour of the day and the day of the week, against the user's own rhythm. Circular, so that 23 h and 1 h are
 * neighbours. Somebody without a rhythm is never surprising.
 *
 * Source: hour and weekday among the features of Wiefling et al., FC 2021; the circular mean of Keycloak's adaptive
 * authentication, here with a density instead of steps.
 * Bounds: from −ln of the density at the user's usual time to −ln(`rhythm.surprise`), times the weight.
 */
export const rhythmRule: Rule = (facts) => {
  const { at } = facts;
  if (at === undefined || facts.profile.learned === 0) return silent;
  return [
    reasonOf(facts, "hour", facts.profile.hours, angleOf(at, dayMs)),
    reasonOf(facts, "weekday", facts.profile.weekdays, angleOf(at, weekMs)),
  ];
};

function reasonOf({ policy, fading }: Facts, name: "hour" | "weekday", seen: Circle, angle: number): Reason {
  const faded = { cos: seen.cos * fading, sin: seen.sin * fading, total: seen.total * fading };
  const surprise = surpriseOf(faded, angle, policy.rhythm.surprise);
  const code = surprise > 0 ? `unusual_${name}` : `usual_${name}`;
  // Against the attempt speak only sign-ins at other times: with all of them counted, learning this very hour could
  // bring the sum over the minimum and make the hour suspicious.
  const speaking = surprise > 0 ? elsewhere(faded, angle) : faded.total;
  const enough = speaking >= policy.rhythm.minimumLogins;
  return { code, logOdds: enough ? policy.rhythm[name] * surprise : 0, detail: { of: faded.total } };
}

function elsewhere(seen: Circle, angle: number): number {
  return seen.total - (seen.cos * Math.cos(angle) + seen.sin * Math.sin(angle));
}
