import { type Rule, silent } from "../facts.js";
import { distanceKm, speedKmPerHour } from "../geo.js";

/**
 * Two sign-ins farther apart than anybody travels in the time between. The error of both places is taken off first,
 * and what is near is left to the error of address databases. An attempt through a VPN, proxy, relay, hosting company,
 * satellite or shared way out has no place that could be trusted, and neither counts nor becomes the place to compare
 * with. A clock that ran backwards makes no difference: two places at two times are as far apart either way round.
 *
 * Source: the limits of Okta (805 km/h), Panther (900) and Sentinel (1,000), with Panther's guards.
 * Bounds: 0, or from half of `travel.impossible` at the limit to all of it at twice the limit.
 */
export const travelRule: Rule = ({ policy, profile, place, at }) => {
  if (!profile.place || !place || at === undefined) return silent;
  const { maxKmPerHour, minDistanceKm, impossible } = policy.travel;
  const distance = distanceKm(profile.place, place);
  const speed = speedKmPerHour(distance, at - profile.place.at);
  if (distance < minDistanceKm || speed <= maxKmPerHour) return silent;
  const logOdds = impossible * Math.min(1, speed / maxKmPerHour / 2);
  return [{ code: "impossible_travel", logOdds, detail: { distanceKm: distance, kmPerHour: speed } }];
};
