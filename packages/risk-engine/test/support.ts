import {
  type Attempt,
  type AttemptContext,
  assess,
  emptyProfile,
  learn,
  type PolicyInput,
  type Profile,
} from "../src/index.js";

export const day = 86_400_000;
/** A Wednesday, 10 h UTC. */
export const now = Date.UTC(2026, 0, 7, 10);

export const chrome = (major: number) =>
  `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${major}.0.0.0 Safari/537.36`;
export const firefoxOnLinux = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
export const oslo = { latitude: 59.9, longitude: 10.8, accuracyKm: 20 };
export const sydney = { latitude: -33.9, longitude: 151.2, accuracyKm: 20 };

/** The usual sign-in of the tests' user. */
export const usual: Attempt = {
  at: now,
  ip: "198.51.100.7",
  asn: 64_500,
  country: "NO",
  place: oslo,
  userAgent: chrome(120),
};

/** A user who has signed in as usual, once a day, the last time yesterday. */
export function regular(logins = 20, change: Partial<Attempt> = {}): Profile {
  let profile = emptyProfile();
  for (let index = logins; index > 0; index--) {
    profile = learn({ profile, attempt: { ...usual, ...change, at: now - index * day } });
  }
  return profile;
}

/** Log-odds by code. */
export function evidence(
  profile: Profile,
  change: Partial<Attempt> = {},
  context: AttemptContext = {},
  policy?: PolicyInput,
): Record<string, number> {
  const { reasons } = assess({ profile, attempt: { ...usual, ...change }, context, policy });
  return Object.fromEntries(reasons.map(({ code, logOdds }) => [code, logOdds]));
}
