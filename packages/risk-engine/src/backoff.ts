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
export interface LevelCodes {
  readonly known: string;
  readonly fresh: string;
}

/**
 * The reason that one level gives; `undefined` where nothing can be compared.
 *
 * @param seen - weight of the user's sign-ins with this value, before it faded.
 */
export function levelReason(
  facts: Facts,
  feature: Feature,
  level: Level,
  seen: number,
  codes: LevelCodes,
): Reason | undefined {
  const { policy, profile, features, fading } = facts;
  const of = profile.levels[level].total * fading;
  const weight = policy.core[level];
  if (of === 0 || weight === 0) return undefined;
  const counts = {
    value: features[level] ?? "",
    seen: Math.min(seen * fading, of),
    of,
    share: seen > 0 ? shareOf(facts, feature, level) : 1,
  };
  const logOdds = weight * noveltyLogOdds(counts, policy.core);
  return { code: seen > 0 ? codes.known : codes.fresh, logOdds, detail: counts };
}

// One more of the value and one more of everything else: a population of which nothing is known gives one half.
function shareOf({ population, features }: Facts, feature: Feature, level: Level): number {
  const value = features[level];
  if (value === undefined) return 1;
  const own = countOf(population.count(feature, level, value));
  const coarser: readonly Level[] = levelsOf[feature];
  for (let index = coarser.indexOf(level) + 1; index < coarser.length; index++) {
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
