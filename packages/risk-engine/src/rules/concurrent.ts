import { countOf, isTime, type Rule, readPlace, silent } from "../facts.js";
import { distanceKm, speedKmPerHour } from "../geo.js";

/**
 * A live session of the account, used a short while ago so far away that nobody could have come from there. The
 * farthest counts, once.
 *
 * Source: the concurrent-session evaluators of Keycloak's adaptive authentication, by distance instead of number: many
 * sessions of one person are no sign of anything.
 * Bounds: 0 or `concurrent.distant`.
 */
export const concurrentRule: Rule = ({ policy, context, place, at }) => {
  if (!place || at === undefined || !Array.isArray(context.sessions)) return silent;
  const { activeMinutes, distant } = policy.concurrent;
  let farthest = 0;
  for (const session of context.sessions as NonNullable<typeof context.sessions>) {
    const there = readPlace(session?.place);
    if (!there || !isTime(session.at) || Math.abs(at - session.at) > activeMinutes * 60_000) continue;
    const distance = distanceKm(there, place);
    if (speedKmPerHour(distance, at - session.at) > policy.travel.maxKmPerHour) {
      farthest = Math.max(farthest, distance);
    }
  }
  if (countOf(farthest) < policy.travel.minDistanceKm || distant === 0) return silent;
  return [{ code: "distant_session", logOdds: distant, detail: { distanceKm: farthest } }];
};
