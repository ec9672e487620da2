import { angleOf, surpriseOf } from "../circular.js";
import { type Rule, silent } from "../facts.js";
import type { Circle } from "../profile.js";

/**
 * The hour of the day, against the user's own rhythm. Circular, so that 23 h and 1 h are neighbours. Somebody without a
 * rhythm is never surprising, and nobody is at a time that the clock may have got wrong.
 *
 * Source: the hour among the features of Wiefling et al., FC 2021; the circular mean of Keycloak's adaptive
 * authentication, here with a density instead of steps.
 * Bounds: from −ln of the density at the user's usual time to −ln(`rhythm.surprise`), times the weight.
 */
export const rhythmRule: Rule = ({ at, believed, fading, policy, profile }) => {
  if (at === undefined || !believed || profile.learned === 0) return silent;
  const { hours } = profile;
  const seen = { cos: hours.cos * fading, sin: hours.sin * fading, total: hours.total * fading };
  const { surprise: share, minimumLogins, hour } = policy.rhythm;
  const angle = angleOf(at);
  const surprise = surpriseOf(seen, angle, share);
  // Against the attempt speak only sign-ins at other times: with all of them counted, learning this very hour could
  // bring the sum over the minimum and make the hour suspicious.
  const speaking = surprise > 0 ? elsewhere(seen, angle) : seen.total;
  if (speaking < minimumLogins) return silent;
  const code = surprise > 0 ? "unusual_hour" : "usual_hour";
  return [{ code, logOdds: hour * surprise, detail: { of: seen.total } }];
};

function elsewhere(seen: Circle, angle: number): number {
  return seen.total - (seen.cos * Math.cos(angle) + seen.sin * Math.sin(angle));
}
