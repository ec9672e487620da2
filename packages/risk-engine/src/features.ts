import { addressKeys } from "./address.js";
import type { Attempt } from "./signals.js";
import { cleanText } from "./text.js";
import { readAgent, splitVersion } from "./user-agent.js";

/** The two things that a sign-in comes with. */
export type Feature = "address" | "agent";

/** A property of a sign-in that is counted, fine to coarse within its feature. */
export type Level = "ip" | "prefix" | "asn" | "country" | "userAgent" | "browser" | "os" | "deviceType";

/** The levels of each feature, fine to coarse. */
export const levelsOf = {
  address: ["ip", "prefix", "asn", "country"],
  agent: ["userAgent", "browser", "os", "deviceType"],
} as const satisfies Record<Feature, readonly Level[]>;

/** Every level, fine to coarse, feature by feature. */
export const levels: readonly Level[] = [...levelsOf.address, ...levelsOf.agent];

/** The longest value of each level, in characters. */
export const valueLengths: Readonly<Record<Level, number>> = {
  ip: 39,
  prefix: 25,
  asn: 16,
  country: 8,
  userAgent: 14,
  browser: 32,
  os: 24,
  deviceType: 16,
};

/** A sign-in as it is compared: one value a level, `undefined` where there is none. */
export interface Features extends Readonly<Record<Level, string | undefined>> {
  readonly browserMajor: number;
  readonly automated: boolean;
}

/** The key under which a population counts one sign-in. */
export interface PopulationKey {
  readonly feature: Feature;
  readonly level: Level;
  readonly value: string;
}

/**
 * Reads the values of an attempt. What is malformed counts as missing.
 *
 * @param behindRelay - the address is a relay's: it says where the person is, not who.
 */
export function featuresOf(attempt: Attempt, behindRelay: boolean): Features {
  const address = behindRelay ? undefined : addressKeys(attempt.ip);
  const agent = readAgent(attempt.userAgent);
  const named = cleanText(attempt.browser, 64);
  const browser = named === undefined ? undefined : splitVersion(named);
  const os = cleanText(attempt.os, 64);
  return {
    ip: address?.ip,
    prefix: address?.prefix,
    asn: operatorOf(attempt.asn),
    country: countryOf(attempt.country),
    userAgent: agent?.userAgent,
    browser: browser ? browser.name.slice(0, valueLengths.browser - 7) : agent?.browser,
    browserMajor: browser ? browser.major : (agent?.browserMajor ?? 0),
    os: os === undefined ? agent?.os : splitVersion(os).name.slice(0, valueLengths.os),
    deviceType: cleanText(attempt.deviceType, valueLengths.deviceType) ?? agent?.deviceType,
    automated: agent?.automated === true,
  };
}

/** The number of an operator, which lists write as `3320`, `AS3320` or `AS3320 Deutsche Telekom AG`; else the text. */
export function operatorOf(asn: unknown): string | undefined {
  if (typeof asn === "number" && asn >= 0 && asn < 1e10 && Number.isInteger(asn)) return String(asn);
  const text = cleanText(asn, 64);
  const number = text && /^(?:AS ?)?0*(\d{1,10})(?!\S)/i.exec(text)?.[1];
  return number ?? text?.slice(0, valueLengths.asn);
}

/** The code of a country in upper case. */
export function countryOf(country: unknown): string | undefined {
  return cleanText(country, valueLengths.country)?.toUpperCase();
}

/**
 * The counters that {@link assess} will ask a population for, and that a learnt sign-in adds one to: for a caller who
 * keeps them in a database and wants to read all of them at once. At most eight.
 */
export function populationKeys(attempt: Attempt): PopulationKey[] {
  return keysOf(featuresOf(attempt, false));
}

/** The counters of features that were already read. */
export function keysOf(features: Features): PopulationKey[] {
  const keys: PopulationKey[] = [];
  for (const feature of ["address", "agent"] as const) {
    for (const level of levelsOf[feature]) {
      const value = features[level];
      if (value !== undefined) keys.push({ feature, level, value });
    }
  }
  return keys;
}
