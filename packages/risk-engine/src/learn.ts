import { angleOf, dayMs } from "./circular.js";
import { type Facts, gatherFacts } from "./facts.js";
import { type Features, type Level, levels } from "./features.js";
import { type PolicyInput, type RiskLevel, resolvePolicy } from "./policy.js";
import {
  type Circle,
  deviceLimit,
  habitualFlags,
  type LevelProfile,
  type Profile,
  valueLimits,
  type Weighted,
  weightOf,
} from "./profile.js";
import { isSameOrOlder } from "./rules/agent.js";
import { deviceKey } from "./rules/device.js";
import type { Attempt } from "./signals.js";
import { timeOf } from "./time.js";

/** Input of {@link learn}. */
export interface LearnInput {
  readonly profile: Profile | null | undefined;
  /** A sign-in that succeeded. Never hand in one that failed. */
  readonly attempt: Attempt;
  /** How it was judged. Left out, the sign-in counts as known to be good: for importing a history. */
  readonly level?: RiskLevel | undefined;
  /** The person has passed a second factor. */
  readonly confirmed?: boolean | undefined;
  readonly policy?: PolicyInput | undefined;
}

/**
 * Takes a successful sign-in up into a profile. Pure: a new profile is returned, and the same one when the policy does
 * not let this sign-in be learnt, or its time is none. A sign-in older than the profile counts as much as is left of it.
 * One that is more than 180 days from the newest moves the profile's time only when a later one is near it: a clock may
 * have been wrong.
 *
 * @returns a profile of at most {@link maxProfileBytes} bytes of JSON.
 * @throws {RiskError} `INVALID_POLICY`
 *
 * @example
 * const { level } = assess({ profile, population, attempt });
 * const next = learn({ profile, attempt, level, confirmed: passedSecondFactor });
 */
export function learn(input: LearnInput): Profile {
  const policy = resolvePolicy(input.policy);
  const facts = gatherFacts(input, policy);
  const { profile, attempt, features, at } = facts;
  const allowed =
    input.confirmed === true || input.level === undefined || policy.learning.levels.includes(input.level);
  if (!allowed || at === undefined) return profile;
  const time = timeOf(profile, at);
  const late = Math.max(0, time.at - at);
  const gain = 2 ** (-late / (policy.learning.halfLifeDays * dayMs));
  const fading = profile.learned === 0 || !time.believed ? 1 : facts.fading;
  const add = (values: readonly Weighted[], value: string, limit: number) =>
    shorten(addTo(values, value, { fading, gain }), value, limit, dropLightest);
  const device = deviceKey(attempt.deviceId);
  return {
    version: 1,
    at: time.at,
    doubtful: time.believed ? null : at,
    learned: profile.learned + 1,
    weight: rounded(profile.weight * fading + gain),
    levels: learnLevels(profile, features, { fading, gain }),
    hours: time.believed ? turn(profile.hours, angleOf(at), { fading, gain }) : profile.hours,
    place: time.believed ? placeOf(facts) : profile.place,
    devices: device ? add(profile.devices, device, deviceLimit) : faded(profile.devices, fading),
    flags: facts.flags
      .filter((kind) => habitualFlags.includes(kind))
      .reduce((known, kind) => addTo(known, kind, { fading: 1, gain }), faded(profile.flags, fading)),
    automated: rounded(profile.automated * fading + (features.automated ? gain : 0)),
  };
}

/** Weights of the old and the new values. */
interface Change {
  readonly fading: number;
  readonly gain: number;
}

function learnLevels(profile: Profile, features: Features, change: Change): Profile["levels"] {
  const learnt = levels.map((level) => [level, learnLevel(profile.levels[level], level, features, change)]);
  return Object.fromEntries(learnt) as Record<Level, LevelProfile>;
}

function learnLevel(known: LevelProfile, level: Level, features: Features, change: Change): LevelProfile {
  const plain = features[level];
  if (plain === undefined) {
    return { total: rounded(known.total * change.fading), values: faded(known.values, change.fading) };
  }
  const value = level === "browser" ? `${plain} ${features.browserMajor}` : plain;
  const drop = level === "browser" ? mergeLightest : dropLightest;
  return {
    total: rounded(known.total * change.fading + change.gain),
    values: shorten(addTo(known.values, value, change), value, valueLimits[level], drop),
  };
}

function addTo(values: readonly Weighted[], value: string, { fading, gain }: Change): Weighted[] {
  const weight = weightOf(values, value) * fading + gain;
  const others = values.filter(([name]) => name !== value);
  return [[value, rounded(weight)], ...faded(others, fading)];
}

function faded(values: readonly Weighted[], fading: number): Weighted[] {
  return values.map(([value, weight]) => [value, rounded(weight * fading)] as const).filter(([, w]) => w > 0);
}

type Drop = (values: Weighted[], index: number) => Weighted[];

// The newest is kept, else a user with as many settled values as there is room for could never learn another.
function shorten(values: Weighted[], newest: string, limit: number, drop: Drop): Weighted[] {
  if (values.length <= limit) return values;
  let lightest = -1;
  for (const [index, [value, weight]] of values.entries()) {
    const lighter = lightest < 0 || weight <= (values[lightest]?.[1] ?? 0);
    if (value !== newest && lighter) lightest = index;
  }
  return drop(values, lightest);
}

const dropLightest: Drop = (values, index) => values.filter((_, other) => other !== index);

/** A version that is dropped lives on in a newer one of the same browser, for which it counted already. */
const mergeLightest: Drop = (values, index) => {
  const [lightest = "", weight = 0] = values[index] ?? [];
  const split = lightest.lastIndexOf(" ");
  const name = lightest.slice(0, split);
  const major = Number(lightest.slice(split + 1));
  const heirs = values.map(([known]) => known).filter((known) => !isSameOrOlder(known, name, major));
  const heir = heirs
    .filter((known) => isSameOrOlder(known, name, Number.MAX_VALUE))
    .sort((a, b) => Number(a.slice(split + 1)) - Number(b.slice(split + 1)))[0];
  return dropLightest(values, index).map(([known, own]) =>
    known === heir ? [known, rounded(own + weight)] : [known, own],
  );
};

function turn(circle: Circle, angle: number, { fading, gain }: Change): Circle {
  return {
    cos: rounded(circle.cos * fading + gain * Math.cos(angle)),
    sin: rounded(circle.sin * fading + gain * Math.sin(angle)),
    total: rounded(circle.total * fading + gain),
  };
}

function placeOf({ profile, place, at }: Facts): Profile["place"] {
  if (!place || at === undefined || (profile.place && profile.place.at > at)) return profile.place;
  const round = (value: number) => Math.round(value * 100) / 100 + 0; // about a kilometre; no -0, which JSON does not know
  return {
    latitude: round(place.latitude),
    longitude: round(place.longitude),
    accuracyKm: Math.min(20_000, Math.ceil(place.accuracyKm)),
    at,
  };
}

// Four digits behind the point: a weight that small says nothing, and its text stays short.
function rounded(value: number): number {
  return Math.round(Math.min(value, 1e9) * 1e4) / 1e4 + 0;
}
