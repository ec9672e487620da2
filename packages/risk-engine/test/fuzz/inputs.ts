import type { Attempt, AttemptContext, Profile } from "../../src/index.js";
import { learn } from "../../src/index.js";
import { chrome, day, firefoxOnLinux, now, oslo, regular, sydney, usual } from "../support.js";

/** Numbers that are the same for the same seed. */
export function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const long = `Mozilla/5.0 ${"(KHTML, like Gecko) 9_9/".repeat(4_500)}`;
const odd: readonly unknown[] = [
  undefined,
  null,
  "",
  " ",
  0,
  -1,
  1e308,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -0,
  "__proto__",
  "constructor",
  "toString",
  "\u0000\u0001\u001b[31m",
  "\ud800",
  "€".repeat(300),
  long,
  {},
  [],
  true,
  10n,
  () => 1,
  Symbol.iterator,
  { __proto__: null },
];
const ips = [
  "198.51.100.7",
  "203.0.113.5",
  "10.0.0.1",
  "0177.0.0.1",
  "2a02:1::9",
  "::ffff:1.2.3.4",
  "1.2.3",
  "::",
];
const times = [now, now + day, now - 400 * day, 0, -1, 8.64e15, -8.64e15, 1e300, Number.NaN];
const agents = [
  chrome(120),
  chrome(90),
  firefoxOnLinux,
  "curl/8.5.0",
  long,
  "Chrome/99999999999",
  "Version/",
  "bot",
];
const kinds = ["tor", "vpn", "relay", "listed", "constructor", "shared", "hosting"];
const profiles: readonly Profile[] = [
  regular(1),
  regular(30),
  regular(5, { deviceId: "a" }),
  regular(40, { flags: [{ kind: "vpn", asOf: now }] }),
  learn({ profile: null, attempt: { at: 0 } }),
];

/** One case: mostly well formed, with wrong things strewn in. */
export function fuzzCase(roll: () => number): {
  profile: Profile;
  attempt: Attempt;
  context: AttemptContext;
} {
  const pick = <T>(items: readonly T[]) => items[Math.floor(roll() * items.length)] as T;
  const maybe = <T>(good: T): T => (roll() < 0.15 ? (pick(odd) as T) : good);
  const attempt = {
    at: maybe(pick(times)),
    ip: maybe(pick(ips)),
    asn: maybe(64_500),
    country: maybe("NO"),
    place: maybe({ ...pick([oslo, sydney]), [pick(["latitude", "longitude", "accuracyKm"])]: maybe(50) }),
    flags: maybe([{ kind: pick(kinds), asOf: maybe(pick(times)) }, maybe({ kind: "tor", asOf: now })]),
    userAgent: maybe(pick(agents)),
    browser: roll() < 0.5 ? undefined : maybe("Chrome 120"),
    os: roll() < 0.5 ? undefined : maybe("Windows 10"),
    deviceType: roll() < 0.5 ? undefined : maybe("desktop"),
    deviceId: maybe(pick(["a", "b", undefined])),
  };
  const context = {
    failures: maybe({ account: maybe(5), network: maybe(100), networkUsers: maybe(3) }),
    sessions: maybe([{ at: maybe(now), place: maybe(sydney) }, maybe({ at: now, place: oslo })]),
    feedback: maybe([
      {
        verdict: maybe(pick(["mine", "not_mine"])),
        at: maybe(now),
        aboutSessionId: maybe("a"),
        fromSessionId: maybe("b"),
        ip: maybe(usual.ip),
        userAgent: maybe(chrome(120)),
      },
      maybe({}),
    ]),
    leakedPassword: maybe(true),
    automated: maybe(false),
    requests: maybe({ perMinute: maybe(500), usualPerMinute: maybe(3) }),
  };
  return {
    profile: damaged(pick(profiles), roll, maybe),
    attempt: attempt as unknown as Attempt,
    context: context as unknown as AttemptContext,
  };
}

// A third of the profiles have one field of somewhere overwritten.
function damaged(profile: Profile, roll: () => number, maybe: <T>(good: T) => T): Profile {
  if (roll() < 0.67) return maybe(profile);
  const copy = JSON.parse(JSON.stringify(profile));
  const keys = Object.keys(copy);
  const key = keys[Math.floor(roll() * keys.length)] as string;
  const inner = copy[key];
  if (typeof inner === "object" && inner !== null && roll() < 0.7) {
    const within = Object.keys(inner);
    inner[within[Math.floor(roll() * within.length)] ?? "x"] = odd[Math.floor(roll() * odd.length)];
  } else {
    copy[key] = odd[Math.floor(roll() * odd.length)];
  }
  return copy;
}
