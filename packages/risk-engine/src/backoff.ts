import { countOf, type Facts, type Reason } from "./facts.js";
import { type Feature, type Level, levelsOf } from "./features.js";
import { clamp } from "./logistic.js";

/**
 * The likelihood ratio of one level, as log-odds before its weight.
 *
 * The user's probability of the value is (seen + a·share) / (of + a): the user's own sign-ins, with the population's
 * share within the next coarser value counting as `a` more (a Dirichlet prior). The population's share over that is
 * (of + a) / (seen / share + a). A value that the user never had gives (of + a) / a: the more is known of the user, the
 * more a new value says, and whether it is popular makes no difference. Each sign-in that matches can only lower it.
 *
 * Source: Freeman et al., NDSS 2016, section on smoothing; MacKay and Peto, "A Hierarchical Dirichlet Language Model",
 * 1995.
 *
 * @param seen - up to `of`.
 * @param share - above 0, up to 1.
 * @returns within ± `bound`.
 */
export function noveltyLogOdds(
  counts: { readonly seen: number; readonly of: number; readonly share: number },
  { concentration, bound }: { readonly concentration: number; readonly bound: number },
): number {
  const { seen, of, share } = counts;
  return clamp(Math.log((of + concentration) / (seen / share + concentration)), -bound, bound);
}

/** Codes of a level's reason: if the user had the value before, and if not. */
interface LevelCodes {
  readonly known: string;
  readonly fresh: string;
}

/** One level of an attempt, beside what the user's profile and the policy have of it. */
export interface ComparedLevel {
  readonly feature: Feature;
  readonly level: Level;
  readonly value: string | undefined;
  /** Weight of the user's sign-ins with this value, before it faded. */
  readonly seen: number;
  /** Weight of those that had any value at this level, before it faded. */
  readonly total: number;
  readonly weight: number;
  readonly codes: LevelCodes;
}

/** The reason that one level gives; `undefined` where nothing can be compared. */
export function levelReason(facts: Facts, compared: ComparedLevel): Reason | undefined {
  const { feature, level, value = "", seen, total, weight, codes } = compared;
  const { policy, fading } = facts;
  const of = total * fading;
  if (of === 0 || weight === 0) return undefined;
  const isKnown = seen > 0;
  const share = isKnown ? shareOf(facts, feature, level) : 1;
  const counts = { value, seen: Math.min(seen * fading, of), of, share };
  const logOdds = weight * noveltyLogOdds(counts, policy.core);
  return { code: isKnown ? codes.known : codes.fresh, logOdds, detail: counts };
}

/** The levels that are coarser than each, the next one first. */
const coarserLevels: Readonly<Record<Level, readonly Level[]>> = {
  ip: levelsOf.address.slice(1),
  prefix: levelsOf.address.slice(2),
  asn: levelsOf.address.slice(3),
  country: [],
  userAgent: levelsOf.agent.slice(1),
  browser: levelsOf.agent.slice(2),
  os: levelsOf.agent.slice(3),
  deviceType: [],
};

// One more of the value and one more of everything else: a population of which nothing is known gives one half.
function shareOf({ population, features }: Facts, feature: Feature, level: Level): number {
  const value = features[level];
  if (value === undefined) return 1;
  const own = countOf(population.count(feature, level, value));
  const coarser = coarserLevels[level];
  for (let index = 0; index < coarser.length; index++) {
    const parent = coarser[index] as Level;
    const parentValue = features[parent];
    if (parentValue !== undefined) {
      return ratio(own, countOf(population.count(feature, parent, parentValue)));
    }
  }
  return ratio(own, countOf(population.totals().logins));
}

function ratio(own: number, all: number): number {
  return Math.min(1, (own + 1) / (all + 2));
}
