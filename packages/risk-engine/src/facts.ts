import { type Features, featuresOf } from "./features.js";
import type { ExactPlace } from "./geo.js";
import type { Policy } from "./policy.js";
import type { Population } from "./population/population.js";
import { type Profile, usableProfile } from "./profile.js";
import {
  type Attempt,
  type AttemptContext,
  type NetworkFlagKind,
  networkFlagKinds,
  type Place,
} from "./signals.js";
import { idleFor, timeOf } from "./time.js";

/** Why the odds are what they are: one piece of evidence. */
export interface Reason {
  /** Stable name. */
  readonly code: string;
  /** Contribution to the log-odds; below 0 it counts in the user's favour. */
  readonly logOdds: number;
  /** The figures that it was made of. */
  readonly detail: Readonly<Record<string, string | number>>;
}

/** Everything that a rule may look at, read and checked once. */
export interface Facts {
  readonly policy: Policy;
  readonly profile: Profile;
  readonly population: Population;
  readonly attempt: Attempt;
  readonly context: AttemptContext;
  readonly features: Features;
  /** Kinds of the flags that are not stale. */
  readonly flags: readonly NetworkFlagKind[];
  /** Where the attempt is, if that can be trusted. */
  readonly place: ExactPlace | undefined;
  /** When, ms since 1970; `undefined` when the clock gave nonsense. */
  readonly at: number | undefined;
  /** Whether that time is near the profile's; if not, a clock may have been wrong. */
  readonly believed: boolean;
  /** For how long nobody has signed in, ms; 0 when the clock ran backwards. */
  readonly idleMs: number;
  /** Factor by which the profile's weights have faded since its newest sign-in. */
  readonly fading: number;
}

/** One piece of evidence, in a file of its own. A reason of 0 is left out. */
export type Rule = (facts: Facts) => readonly Reason[];

/** Result of a rule without evidence. */
export const silent: readonly Reason[] = [];

const dayMs = 86_400_000;
const nobody: Population = { count: () => 0, totals: () => ({ logins: 0, users: 0 }) };

/** Input of {@link gatherFacts}. */
export interface Signals {
  readonly profile: Profile | null | undefined;
  readonly population?: Population | undefined;
  readonly attempt: Attempt;
  readonly context?: AttemptContext | undefined;
}

/** Reads and checks the input; what is missing or malformed becomes what says nothing. */
export function gatherFacts(signals: Signals, policy: Policy): Facts {
  const attempt = signals.attempt ?? { at: Number.NaN };
  const profile = usableProfile(signals.profile);
  const at = isTime(attempt.at) ? attempt.at : undefined;
  const elapsedMs = at === undefined ? 0 : Math.max(0, at - profile.at);
  const flags = currentFlags(attempt, at, policy);
  return {
    policy,
    profile,
    population: signals.population ?? nobody,
    attempt,
    context: signals.context ?? {},
    features: featuresOf(attempt, flags.includes("relay")),
    flags,
    place: isLocatable(flags) ? readPlace(attempt.place) : undefined,
    at,
    believed: at !== undefined && timeOf(profile, at).believed,
    idleMs: at === undefined ? 0 : idleFor(profile, at),
    fading: 2 ** (-elapsedMs / (policy.learning.halfLifeDays * dayMs)),
  };
}

/** Whether a time is one that a `Date` can hold. */
export function isTime(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) <= 8.64e15;
}

/** A number that may be counted with; 0 for anything else. */
export function countOf(value: unknown): number {
  return typeof value === "number" && value > 0 && value <= Number.MAX_SAFE_INTEGER ? value : 0;
}

/** The place, if its numbers are on this planet. */
export function readPlace(place: Place | null | undefined): ExactPlace | undefined {
  if (typeof place !== "object" || place === null) return undefined;
  const { latitude, longitude } = place;
  if (!isDegree(latitude, 90) || !isDegree(longitude, 180)) return undefined;
  return { latitude, longitude, accuracyKm: countOf(place.accuracyKm) };
}

function isDegree(value: unknown, most: number): boolean {
  return typeof value === "number" && Math.abs(value) <= most;
}

// A client behind one of these is elsewhere than its address; all other lists leave a person where the address is.
function isLocatable(flags: readonly NetworkFlagKind[]): boolean {
  return flags.every((kind) => kind === "listed");
}

function currentFlags(attempt: Attempt, at: number | undefined, policy: Policy): NetworkFlagKind[] {
  if (!Array.isArray(attempt.flags)) return [];
  const oldest = (at ?? Number.NaN) - policy.flags.maxAgeDays * dayMs;
  const kinds: NetworkFlagKind[] = [];
  for (const flag of attempt.flags) {
    const current = typeof flag === "object" && flag !== null && isTime(flag.asOf) && flag.asOf >= oldest;
    // A kind that nobody knows says nothing, and a long list of them costs nothing.
    if (current && networkFlagKinds.includes(flag.kind) && !kinds.includes(flag.kind)) kinds.push(flag.kind);
  }
  return kinds;
}
