import { clamp } from "../logistic.js";

/**
 * The weight of a trait that some people have by habit: the share of attackers with it over the user's own share, in
 * which the share of all people counts as one sign-in. Never below 0: no habit makes an attacker's trait a good sign.
 */
export function habit(
  counts: {
    readonly seen: number;
    readonly of: number;
    readonly attackers: number;
    readonly people: number;
  },
  most: number,
): number {
  const own = (Math.min(counts.seen, counts.of) + counts.people) / (counts.of + 1);
  // A user with a long history who never had the trait: that is no more suspicious than people having it rarely.
  return clamp(Math.log(counts.attackers / Math.max(own, counts.people)), 0, most);
}
