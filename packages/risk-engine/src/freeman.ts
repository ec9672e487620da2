/** A legitimate sign-in as the reference model sees it. Values are compared as they are, nothing is parsed. */
export interface FreemanLogin {
  readonly userId: string | number;
  readonly ip: string;
  readonly asn: string | number;
  readonly country: string;
  /** The whole header. */
  readonly userAgent: string;
  /** Name and version. */
  readonly browser: string;
  /** Name and version. */
  readonly os: string;
  readonly deviceType: string;
}

/** Weights of the levels, fine to coarse; each list adds up to 1. */
export interface FreemanWeights {
  /** Address, network operator, country. */
  readonly address: readonly [ip: number, asn: number, country: number];
  /** Header, browser, operating system, type of device. */
  readonly agent: readonly [userAgent: number, browser: number, os: number, deviceType: number];
}

/** Options of {@link freemanScore}. */
export interface FreemanOptions {
  /** Default: the weights that were published with the RBA data set. */
  readonly weights?: FreemanWeights;
}

const publishedWeights: FreemanWeights = {
  address: [0.6, 0.3, 0.1],
  agent: [0.5386653840551359, 0.2680451498625666, 0.18818295100109536, 0.0051065150812021525],
};

const features = {
  address: ["ip", "asn", "country"],
  agent: ["userAgent", "browser", "os", "deviceType"],
} as const;

type FeatureName = keyof typeof features;
type Value = string | number;
type Counts = Map<Value, number>;

/**
 * The published reference model of risk-based authentication, for comparison with {@link assess} only: it is neither
 * monotone nor robust (an attempt that matches nothing can score lower than one that matches a little).
 *
 * For each feature the share of the value among all sign-ins, over its share among the user's own, each a weighted sum
 * over the levels; only the finest level of the first is smoothed. A feature of which the user has shown nothing counts
 * as a ratio of 4. The product is multiplied by the mean activity of all users over this user's.
 *
 * Source: Freeman et al., "Who Are You?", NDSS 2016; Wiefling et al., "Pump Up Password Security!", ACM TOPS 2022, as
 * its authors' published program computes it.
 *
 * @param history - every user's legitimate sign-ins before the attempt, in order.
 * @param attempt - the sign-in to score.
 * @returns the likelihood ratio S, above 0: higher is riskier. `NaN` when the user has no history, for which the model
 * is not defined.
 *
 * @example
 * const s = freemanScore(logins, attempt);
 * if (s > threshold) askForSecondFactor();
 */
export function freemanScore(
  history: readonly FreemanLogin[],
  attempt: FreemanLogin,
  options: FreemanOptions = {},
): number {
  const counts = new FreemanCounts();
  for (const login of history) counts.add(login);
  return counts.score(attempt, options.weights);
}

/** The counters behind {@link freemanScore}, kept up login by login so that a long history is read once. */
export class FreemanCounts {
  readonly #all = new FeatureCounts();
  readonly #users = new Map<Value, FeatureCounts>();

  add(login: FreemanLogin): void {
    let own = this.#users.get(login.userId);
    if (!own) {
      own = new FeatureCounts();
      this.#users.set(login.userId, own);
    }
    own.add(login);
    this.#all.add(login);
  }

  score(attempt: FreemanLogin, weights: FreemanWeights = publishedWeights): number {
    const own = this.#users.get(attempt.userId);
    if (!own) return Number.NaN;
    const ratio = (feature: FeatureName) => {
      const everybody = this.#all.smoothedShare(feature, attempt, weights[feature]);
      const local = own.share(feature, attempt, weights[feature]);
      return everybody / (local === 0 ? everybody / 4 : local);
    };
    const activity = this.#all.logins / (this.#users.size * own.logins);
    return ratio("address") * ratio("agent") * activity;
  }
}

class FeatureCounts {
  logins = 0;
  readonly #levels = new Map<string, Counts>();
  /** For each finest value, the coarser values that it came with. */
  readonly #companions = new Map<string, Map<Value, Set<Value>[]>>();

  add(login: FreemanLogin): void {
    this.logins += 1;
    for (const feature of Object.keys(features) as FeatureName[]) {
      const levels = features[feature];
      for (const level of levels) increment(this.#counts(level), login[level]);
      const companions = this.#companionsOf(feature, login);
      for (const [index, level] of levels.slice(1).entries()) companions[index]?.add(login[level]);
    }
  }

  share(feature: FeatureName, attempt: FreemanLogin, weights: readonly number[]): number {
    return features[feature].reduce(
      (sum, level, index) => sum + (weights[index] ?? 0) * (this.#count(level, attempt) / this.logins),
      0,
    );
  }

  smoothedShare(feature: FeatureName, attempt: FreemanLogin, weights: readonly number[]): number {
    const [finest, ...coarser] = features[feature];
    const unseen = 1 + coarser.reduce((sum, level) => sum + this.#counts(level).size, 0);
    const count = this.#count(finest, attempt);
    const companions = this.#companions.get(finest)?.get(attempt[finest]) ?? [];
    const unseenWithin = 1 + companions.reduce((sum, values) => sum + values.size, 0);
    // The finest level is smoothed twice, as the published program does.
    const finestShare =
      count > 0
        ? (count / (this.logins + unseen)) * (count / (count + unseenWithin))
        : 1 / (this.logins + unseen);
    return coarser.reduce(
      (sum, level, index) => sum + (weights[index + 1] ?? 0) * (this.#count(level, attempt) / this.logins),
      (weights[0] ?? 0) * finestShare,
    );
  }

  #count(level: keyof FreemanLogin, attempt: FreemanLogin): number {
    return this.#counts(level).get(attempt[level]) ?? 0;
  }

  #counts(level: string): Counts {
    return getOrCreate(this.#levels, level, () => new Map());
  }

  #companionsOf(feature: FeatureName, login: FreemanLogin): Set<Value>[] {
    const [finest, ...coarser] = features[feature];
    const byValue = getOrCreate(this.#companions, finest, () => new Map<Value, Set<Value>[]>());
    return getOrCreate(byValue, login[finest], () => coarser.map(() => new Set<Value>()));
  }
}

function increment(counts: Counts, value: Value): void {
  counts.set(value, (counts.get(value) ?? 0) + 1);
}

function getOrCreate<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = create();
  map.set(key, made);
  return made;
}
