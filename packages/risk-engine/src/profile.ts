import { z } from "zod";
import { type Level, levels, valueLengths } from "./features.js";
import type { NetworkFlagKind } from "./signals.js";

/** A value and how much it counts: each sign-in adds 1, which halves with time. */
export type Weighted = readonly [value: string, weight: number];

/** History of one level. */
export interface LevelProfile {
  /** Weight of the sign-ins that had a value at this level. */
  readonly total: number;
  /** The heaviest values. */
  readonly values: readonly Weighted[];
}

/** A direction that was seen, on a circle: sums of cosines and sines. */
export interface Circle {
  readonly cos: number;
  readonly sin: number;
  readonly total: number;
}

/**
 * The engine's knowledge of a user: plain JSON of at most {@link maxProfileBytes} bytes, however many sign-ins were
 * learnt. Weights are as of `at`. Store it anywhere, and read it back with {@link readProfile}.
 */
export interface Profile {
  readonly version: 1;
  /** When the newest sign-in was learnt, ms since 1970. */
  readonly at: number;
  /** When the last sign-in was learnt that was too far from `at` to be believed; `null` after one that was not. */
  readonly doubtful: number | null;
  /** Sign-ins that were ever learnt. */
  readonly learned: number;
  /** Weight of all sign-ins. */
  readonly weight: number;
  readonly levels: Readonly<Record<Level, LevelProfile>>;
  readonly hours: Circle;
  /** The last place that could be trusted. */
  readonly place: {
    readonly latitude: number;
    readonly longitude: number;
    readonly accuracyKm: number;
    readonly at: number;
  } | null;
  /** Fingerprints of the cookies that named the devices. */
  readonly devices: readonly Weighted[];
  /** How often the user came through what a list flags. */
  readonly flags: readonly Weighted[];
  /** Weight of sign-ins by programs. */
  readonly automated: number;
}

/** The most that a profile takes as JSON, bytes. */
export const maxProfileBytes = 4_096;

/** How many values of each level a profile keeps. */
export const valueLimits: Readonly<Record<Level, number>> = {
  ip: 12,
  prefix: 16,
  asn: 8,
  country: 8,
  userAgent: 12,
  browser: 12,
  os: 6,
  deviceType: 5,
};
/** How many devices a profile keeps. */
export const deviceLimit = 12;
/** Lengths of a device's fingerprint, and of the name of a flag, characters. */
const deviceLength = 14;
const flagLength = 10;
/** The kinds of flags that a person can be used to. */
export const habitualFlags: readonly NetworkFlagKind[] = ["tor", "vpn", "proxy", "hosting", "listed"];

/** The profile of a user without history. */
export function emptyProfile(): Profile {
  const circle = { cos: 0, sin: 0, total: 0 };
  return {
    version: 1,
    at: 0,
    doubtful: null,
    learned: 0,
    weight: 0,
    levels: Object.fromEntries(levels.map((level) => [level, { total: 0, values: [] }])) as never,
    hours: circle,
    place: null,
    devices: [],
    flags: [],
    automated: 0,
  };
}

const amount = z.number().min(0).max(1e9);
const weighted = (length: number, limit: number) =>
  z.array(z.tuple([z.string().max(length), amount])).max(limit);
const sum = z.number().min(-1e9).max(1e9);
const circle = z.object({ cos: sum, sin: sum, total: amount });
const level = (name: Level) =>
  z.object({ total: amount, values: weighted(valueLengths[name], valueLimits[name]) });

const profileSchema: z.ZodType<Profile> = z.object({
  version: z.literal(1),
  at: z.number(),
  doubtful: z.number().nullable(),
  learned: z.number().int().min(0),
  weight: amount,
  levels: z.object({
    ip: level("ip"),
    prefix: level("prefix"),
    asn: level("asn"),
    country: level("country"),
    userAgent: level("userAgent"),
    browser: level("browser"),
    os: level("os"),
    deviceType: level("deviceType"),
  }),
  hours: circle,
  place: z
    .object({
      latitude: z.number().min(-90).max(90),
      longitude: z.number().min(-180).max(180),
      accuracyKm: z.number().min(0),
      at: z.number(),
    })
    .nullable(),
  devices: weighted(deviceLength, deviceLimit),
  flags: weighted(flagLength, habitualFlags.length),
  automated: amount,
});

/** A stored profile as it was found. */
export interface StoredProfile {
  readonly profile: Profile;
  /**
   * `missing`: nothing was stored. `outdated`: of another version of this format. `corrupt`: neither. In all three the
   * profile is empty, and the user is met as a new one.
   */
  readonly status: "ok" | "missing" | "outdated" | "corrupt";
}

/** Reads a profile that was stored. Never throws. */
export function readProfile(stored: unknown): StoredProfile {
  if (stored === undefined || stored === null) return { profile: emptyProfile(), status: "missing" };
  const parsed = profileSchema.safeParse(stored);
  if (parsed.success) return { profile: parsed.data, status: "ok" };
  const { version } = stored as { version?: unknown };
  const outdated = Number.isInteger(version) && version !== 1;
  return { profile: emptyProfile(), status: outdated ? "outdated" : "corrupt" };
}

const nothing = emptyProfile();

/**
 * The profile if its shape can be worked with, else an empty one: a cheap look for the hot path, where a schema would
 * cost more than the score.
 */
export function usableProfile(profile: Profile | null | undefined): Profile {
  if (profile?.version !== 1 || typeof profile.levels !== "object" || profile.levels === null) {
    return nothing;
  }
  const known = profile.levels;
  const sound =
    isLevel(known.ip, valueLengths.ip, valueLimits.ip) &&
    isLevel(known.prefix, valueLengths.prefix, valueLimits.prefix) &&
    isLevel(known.asn, valueLengths.asn, valueLimits.asn) &&
    isLevel(known.country, valueLengths.country, valueLimits.country) &&
    isLevel(known.userAgent, valueLengths.userAgent, valueLimits.userAgent) &&
    isLevel(known.browser, valueLengths.browser, valueLimits.browser) &&
    isLevel(known.os, valueLengths.os, valueLimits.os) &&
    isLevel(known.deviceType, valueLengths.deviceType, valueLimits.deviceType) &&
    isAmount(profile.weight) &&
    isAmount(profile.learned) &&
    Number.isInteger(profile.learned) &&
    Number.isFinite(profile.at) &&
    (profile.doubtful === null || Number.isFinite(profile.doubtful)) &&
    isAmount(profile.automated) &&
    areWeighted(profile.devices, deviceLength, deviceLimit) &&
    areWeighted(profile.flags, flagLength, habitualFlags.length) &&
    isCircle(profile.hours) &&
    isPlace(profile.place);
  return sound ? profile : nothing;
}

function isLevel(known: LevelProfile | undefined, length: number, limit: number): boolean {
  return !!known && isAmount(known.total) && areWeighted(known.values, length, limit);
}

// With the limits of the schema: else a profile that somebody has blown up would be learnt on, and never shrink.
function areWeighted(values: readonly Weighted[], length: number, limit: number): boolean {
  if (!Array.isArray(values) || values.length > limit) return false;
  for (let index = 0; index < values.length; index++) {
    const entry = values[index] as Weighted;
    if (!Array.isArray(entry) || typeof entry[0] !== "string") return false;
    if (entry[0].length > length || !isAmount(entry[1])) return false;
  }
  return true;
}

function isAmount(value: number): boolean {
  return typeof value === "number" && value >= 0 && value <= 1e9;
}

function isWithin(value: number, most: number): boolean {
  return typeof value === "number" && Math.abs(value) <= most;
}

function isCircle(value: Circle): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    isAmount(value.total) &&
    isWithin(value.cos, 1e9) &&
    isWithin(value.sin, 1e9)
  );
}

function isPlace(place: Profile["place"]): boolean {
  if (place === null) return true;
  return (
    typeof place === "object" &&
    isWithin(place.latitude, 90) &&
    isWithin(place.longitude, 180) &&
    isWithin(place.accuracyKm, Number.MAX_VALUE) &&
    place.accuracyKm >= 0 &&
    Number.isFinite(place.at)
  );
}

/** Weight of a value in a list, 0 when it is not there. */
export function weightOf(values: readonly Weighted[], value: string): number {
  for (let index = 0; index < values.length; index++) {
    const entry = values[index] as Weighted;
    // Most differ in length, which is told without a look at the text.
    if (entry[0].length === value.length && entry[0] === value) return entry[1];
  }
  return 0;
}
