import { describe, expect, it } from "vitest";
import { countOf, gatherFacts, isTime, readPlace } from "../src/facts.js";
import { countryOf, featuresOf, keysOf, operatorOf } from "../src/features.js";
import { distanceKm, speedKmPerHour } from "../src/geo.js";
import {
  type Attempt,
  attemptContextSchema,
  attemptSchema,
  emptyProfile,
  type Profile,
  parsePolicy,
  publicReason,
  readProfile,
} from "../src/index.js";
import { clamp, scoreOfLogOdds } from "../src/logistic.js";
import { usableProfile } from "../src/profile.js";
import { cleanText, fingerprint } from "../src/text.js";
import { idleFor, timeOf } from "../src/time.js";
import { readAgent, splitVersion } from "../src/user-agent.js";
import { chrome, day, firefoxOnLinux, now, oslo, regular, sydney, usual } from "./support.js";

describe("text", () => {
  it.each<[unknown, string | undefined]>([
    ["plain", "plain"],
    [" padded ", "padded"],
    ["   ", undefined],
    ["", undefined],
    ['q"q\\q', "q?q?q"],
    ["tab\tand üml", "tab?and ?ml"],
    ["~ the last printable one", "~ the last p"],
    ["\u007f", "?"],
    [12, "12"],
    [1.5, "1.5"],
    [123_456_789_012_345, "123456789012"],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
    [null, undefined],
    [undefined, undefined],
    [{}, undefined],
    [["text"], undefined],
  ])("%j is kept as %j, in twelve characters", (value, expected) => {
    expect(cleanText(value, 12)).toBe(expected);
  });

  // Profiles hold these for months: another fingerprint would make every device a new one.
  it.each([
    ["", "1biic5n14q8pvy"],
    ["a", "7cq7qr1bw3tle"],
    ["laptop", "yf7bb11g6vklp"],
  ])("the fingerprint of %j stays", (text, expected) => {
    expect(fingerprint(text)).toBe(expected);
  });
});

describe("operators and countries", () => {
  it.each<[unknown, string | undefined]>([
    [3320, "3320"],
    ["AS3320", "3320"],
    ["as 3320", "3320"],
    ["AS3320 Deutsche Telekom AG", "3320"],
    ["003320", "3320"],
    ["Deutsche Telekom AG", "Deutsche Telekom"],
    ["AS3320x", "AS3320x"],
    ["12345678901", "12345678901"],
    ["", undefined],
    [undefined, undefined],
  ])("the operator %j is %j", (value, expected) => {
    expect(operatorOf(value)).toBe(expected);
  });

  it("a country is upper case, and short", () => {
    expect([countryOf("no"), countryOf(" NO "), countryOf("a long country"), countryOf(5)]).toEqual([
      "NO",
      "NO",
      "A LONG C",
      "5",
    ]);
    expect(countryOf(undefined)).toBeUndefined();
  });
});

describe("user agents", () => {
  it.each([
    ["Chrome 120.0.1", "Chrome", 120],
    ["Chrome/120", "Chrome", 120],
    ["Mac OS X 10_15_7", "Mac OS X", 10],
    ["Chrome", "Chrome", 0],
    ["Chrome 120 beta", "Chrome 120 beta", 0],
    ["Chrome120", "Chrome120", 0],
    ["120", "120", 0],
    [" 120", " 120", 0],
    ["Chrome ", "Chrome ", 0],
    ["Chrome 12345678", "Chrome", 123456],
    ["Chrome .5", "Chrome", 0],
  ])("%j is %j, version %d", (text, name, major) => {
    expect(splitVersion(text)).toEqual({ name, major });
  });

  it("are compared without their versions, and read alike each time", () => {
    const agent = readAgent(chrome(120));
    expect(agent).toMatchObject({
      browser: "Chrome",
      browserMajor: 120,
      os: "Windows",
      deviceType: "desktop",
      automated: false,
    });
    expect(readAgent(chrome(120))).toEqual(agent);
    expect(readAgent(chrome(121))?.userAgent).toBe(agent?.userAgent);
    expect(readAgent(firefoxOnLinux)?.userAgent).not.toBe(agent?.userAgent);
    expect(readAgent("12")?.userAgent).not.toBe(readAgent("13")?.userAgent);
    expect(readAgent("x")).toMatchObject({ browser: undefined, browserMajor: 0, deviceType: undefined });
  });

  it("are read in their first 512 characters, and not at all where there is none", () => {
    const long = chrome(120).padEnd(513, "x");
    expect(readAgent(long)?.userAgent).toBe(readAgent(`${long.slice(0, 512)}${"y".repeat(9)}`)?.userAgent);
    for (const nothing of [undefined, null, 5, "", "  "]) expect(readAgent(nothing)).toBeUndefined();
  });

  it("stay right when a service sees more of them than are remembered", () => {
    for (let index = 0; index < 1_100; index++) readAgent(`program${index}/1`);
    expect(readAgent(chrome(120))?.browser).toBe("Chrome");
  });
});

describe("features", () => {
  const read = (change: Partial<Attempt>, behindRelay = false) =>
    featuresOf({ ...usual, ...change }, behindRelay);

  it("are all read from one attempt", () => {
    expect(read({})).toEqual({
      ip: "198.51.100.7",
      prefix: "198.51.100.0/24",
      asn: "64500",
      country: "NO",
      userAgent: readAgent(chrome(120))?.userAgent,
      browser: "Chrome",
      browserMajor: 120,
      os: "Windows",
      deviceType: "desktop",
      automated: false,
    });
    expect(read({ userAgent: "curl/8.5.0" }).automated).toBe(true);
  });

  it("are the names that a caller hands in, where it does", () => {
    const named = read({ browser: "Brave 1.60", os: "Windows 11", deviceType: "tv" });
    expect(named).toMatchObject({ browser: "Brave", browserMajor: 1, os: "Windows", deviceType: "tv" });
    const long = "x".repeat(99);
    const cut = read({ browser: `${long.slice(0, 60)} 12`, os: long, deviceType: long });
    expect([cut.browser?.length, cut.browserMajor, cut.os?.length, cut.deviceType?.length]).toEqual([
      25, 12, 24, 16,
    ]);
  });

  it("of a relay have a country and an operator, and no address", () => {
    expect(read({}, true)).toMatchObject({ ip: undefined, prefix: undefined, asn: "64500", country: "NO" });
  });

  it("of nothing are nothing", () => {
    const none = featuresOf({ at: now }, false);
    expect(keysOf(none)).toEqual([]);
    expect([none.browserMajor, none.automated]).toEqual([0, false]);
    expect(keysOf(read({})).map(({ feature, level, value }) => `${feature} ${level} ${value}`)).toContain(
      "agent browser Chrome",
    );
  });
});

describe("facts", () => {
  it.each<[unknown, number]>([
    [5, 5],
    [0.5, 0.5],
    [0, 0],
    [-1, 0],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    [Number.MAX_SAFE_INTEGER + 1, 0],
    [Number.NaN, 0],
    ["5", 0],
    [5n, 0],
    [null, 0],
  ])("%o counts as %d", (value, expected) => {
    expect(countOf(value)).toBe(expected);
  });

  // ECMA-262: the time values that a Date can hold.
  it.each<[unknown, boolean]>([
    [0, true],
    [8.64e15, true],
    [-8.64e15, true],
    [8.64e15 + 1, false],
    [Number.NaN, false],
    ["0", false],
    [new Date(0), false],
  ])("%o is a time: %s", (value, expected) => {
    expect(isTime(value)).toBe(expected);
  });

  it.each<[unknown, object | undefined]>([
    [oslo, oslo],
    [
      { latitude: 90, longitude: -180 },
      { latitude: 90, longitude: -180, accuracyKm: 0 },
    ],
    [{ latitude: 90.1, longitude: 0 }, undefined],
    [{ latitude: 0, longitude: 180.1 }, undefined],
    [{ latitude: "0", longitude: 0 }, undefined],
    [{ latitude: 0 }, undefined],
    [
      { ...oslo, accuracyKm: -5 },
      { ...oslo, accuracyKm: 0 },
    ],
    [null, undefined],
    ["oslo", undefined],
    [undefined, undefined],
  ])("the place %j is %j", (place, expected) => {
    expect(readPlace(place as never)).toEqual(expected);
  });

  const policy = parsePolicy({});
  const flagged = (flags: unknown, at = now) =>
    gatherFacts({ profile: null, attempt: { ...usual, at, flags: flags as never } }, policy);

  it("takes flags that are known, fresh and told once", () => {
    const flags = [
      { kind: "tor", asOf: now },
      { kind: "tor", asOf: now },
      { kind: "vpn", asOf: now - 7 * day },
      { kind: "proxy", asOf: now - 7 * day - 1 },
      { kind: "carrier pigeon", asOf: now },
      { kind: "hosting" },
      null,
      "listed",
    ];
    expect(flagged(flags).flags).toEqual(["tor", "vpn"]);
    expect(flagged({ kind: "tor" }).flags).toEqual([]);
    expect(flagged(undefined).flags).toEqual([]);
    expect(flagged(flags, Number.NaN).flags).toEqual([]);
  });

  it.each([
    ["listed", true],
    ["tor", false],
    ["vpn", false],
    ["relay", false],
    ["satellite", false],
    ["shared", false],
  ])("through %s the place can be trusted: %s", (kind, expected) => {
    expect(flagged([{ kind, asOf: now }]).place !== undefined).toBe(expected);
  });

  it("takes a relay's address away, and nothing else's", () => {
    expect(flagged([{ kind: "relay", asOf: now }]).features.ip).toBeUndefined();
    expect(flagged([{ kind: "vpn", asOf: now }]).features.ip).toBe("198.51.100.7");
  });

  it("halves what is known in the half-life, and nothing when the clock ran backwards", () => {
    const facts = (at: number) => gatherFacts({ profile: regular(3), attempt: { ...usual, at } }, policy);
    expect(facts(now + 119 * day)).toMatchObject({ fading: 0.5, idleMs: 120 * day, believed: true });
    expect(facts(now - 5 * day)).toMatchObject({ fading: 1, idleMs: 0, believed: true });
    expect(facts(now + 400 * day).believed).toBe(false);
    expect(facts(Number.NaN)).toMatchObject({ at: undefined, fading: 1, idleMs: 0, believed: false });
  });

  it("makes do without an attempt, a context and a population", () => {
    const facts = gatherFacts({ profile: null, attempt: undefined as never }, policy);
    expect(facts).toMatchObject({ at: undefined, flags: [], place: undefined, context: {} });
    expect(facts.population.count("address", "ip", "a")).toBe(0);
    expect(facts.population.totals()).toEqual({ logins: 0, users: 0 });
  });
});

// The edge of a program refuses what the engine would take for nothing.
describe("the schemas of the edge", () => {
  const flags = [{ kind: "tor", asOf: now }];
  const whole = {
    ...usual,
    flags,
    browser: "Chrome 120",
    os: "Windows",
    deviceType: "desktop",
    deviceId: "a",
  };

  it("take a whole attempt, and one of a time alone, without what they do not know", () => {
    expect(attemptSchema.parse({ ...whole, colour: "red" })).toEqual(whole);
    expect(attemptSchema.parse({ at: now })).toEqual({ at: now });
    expect(attemptSchema.parse({ at: now, asn: "AS3320" })).toEqual({ at: now, asn: "AS3320" });
    for (const place of [
      { latitude: -90, longitude: -180, accuracyKm: 0 },
      { latitude: 90, longitude: 180 },
    ]) {
      expect(attemptSchema.parse({ at: now, place })).toEqual({ at: now, place });
    }
  });

  it.each<object>([
    {},
    { at: "now" },
    { ip: 5 },
    { asn: {} },
    { place: {} },
    { place: { latitude: 90.1, longitude: 0 } },
    { place: { latitude: -90.1, longitude: 0 } },
    { place: { latitude: 0, longitude: 180.1 } },
    { place: { latitude: 0, longitude: -180.1 } },
    { place: { latitude: 0, longitude: 0, accuracyKm: -1 } },
    { flags: [{ kind: "carrier pigeon", asOf: now }] },
    { flags: [{ kind: "tor" }] },
    { userAgent: null },
  ])("refuse the attempt %j", (change) => {
    const attempt = Object.keys(change).length === 0 ? {} : { at: now, ...change };
    expect(attemptSchema.safeParse(attempt).success).toBe(false);
  });

  const context = {
    failures: { account: 0, network: 5, networkUsers: 2 },
    sessions: [{ at: now, place: oslo }],
    feedback: [
      {
        verdict: "mine",
        at: now,
        aboutSessionId: "a",
        fromSessionId: "b",
        ip: "203.0.113.1",
        userAgent: "x",
      },
      { verdict: "not_mine", at: now, aboutSessionId: "a", fromSessionId: "b" },
    ],
    leakedPassword: true,
    automated: false,
    requests: { perMinute: 5, usualPerMinute: 0 },
  };

  it("take a whole context, and none", () => {
    expect(attemptContextSchema.parse(context)).toEqual(context);
    expect(attemptContextSchema.parse({})).toEqual({});
  });

  it.each<object>([
    { failures: { account: -1 } },
    { failures: { network: "5" } },
    { sessions: [{ at: now }] },
    { sessions: [{ place: oslo }] },
    { feedback: [{ ...context.feedback[0], verdict: "maybe" }] },
    { feedback: [{ ...context.feedback[0], fromSessionId: undefined }] },
    { requests: { perMinute: -1, usualPerMinute: 0 } },
    { requests: { perMinute: 1 } },
    { leakedPassword: "yes" },
    { automated: 1 },
  ])("refuse the context %j", (change) => {
    expect(attemptContextSchema.safeParse(change).success).toBe(false);
  });
});

describe("places", () => {
  it.each([
    ["nowhere", oslo, oslo, 0],
    ["a degree of the equator", { latitude: 0, longitude: 0 }, { latitude: 0, longitude: 1 }, 111.195],
    ["pole to pole", { latitude: 90, longitude: 0 }, { latitude: -90, longitude: 0 }, 20_015.087],
    ["across the date line", { latitude: 0, longitude: 179.5 }, { latitude: 0, longitude: -179.5 }, 111.195],
    ["Oslo to Sydney, less what either may be wrong by", oslo, sydney, 15_910.2],
  ])("%s is %d km", (_what, a, b, km) => {
    const place = (of: { latitude: number; longitude: number }) => ({ accuracyKm: 0, ...of });
    expect(distanceKm(place(a), place(b))).toBeCloseTo(km, 0);
    expect(distanceKm(place(b), place(a))).toBeCloseTo(km, 0);
  });

  it("speed is by the hour, whichever was first, and a minute at least", () => {
    expect(speedKmPerHour(100, 3_600_000)).toBe(100);
    expect(speedKmPerHour(100, -1_800_000)).toBe(200);
    expect(speedKmPerHour(1, 0)).toBe(60);
  });
});

describe("time", () => {
  const profile = (change: Partial<Profile> = {}): Profile => ({
    ...emptyProfile(),
    at: now,
    learned: 5,
    ...change,
  });
  const halfYear = 180 * day;

  it.each<[string, Profile, number, object]>([
    ["the first sign-in is believed", profile({ learned: 0 }), 5, { at: 5, believed: true }],
    ["half a year later", profile(), now + halfYear, { at: now + halfYear, believed: true }],
    ["half a year before moves nothing", profile(), now - halfYear, { at: now, believed: true }],
    ["longer is doubted", profile(), now + halfYear + 1, { at: now, believed: false }],
    ["longer before, too", profile(), now - halfYear - 1, { at: now, believed: false }],
    [
      "the second in a row is believed",
      profile({ doubtful: now + 2 * halfYear }),
      now + 3 * halfYear,
      { at: now + 3 * halfYear, believed: true },
    ],
    [
      "not the very same reading",
      profile({ doubtful: now + 2 * halfYear }),
      now + 2 * halfYear,
      { at: now, believed: false },
    ],
    [
      "nor one that is far from it",
      profile({ doubtful: now + 2 * halfYear }),
      now + 3 * halfYear + 1,
      { at: now, believed: false },
    ],
  ])("%s", (_what, known, at, expected) => {
    expect(timeOf(known, at)).toEqual(expected);
  });

  it("nobody is idle for less than nothing, and a borne out reading is the newest", () => {
    expect(idleFor(profile(), now + 5)).toBe(5);
    expect(idleFor(profile(), now - 5)).toBe(0);
    expect(idleFor(profile({ doubtful: now + 2 * halfYear }), now + 2 * halfYear + 7)).toBe(7);
    expect(idleFor(profile({ doubtful: now - 2 * halfYear }), now - 2 * halfYear + 7)).toBe(0);
  });
});

describe("scores", () => {
  it("stand for log-odds", () => {
    expect(scoreOfLogOdds(0)).toBe(50);
    expect(scoreOfLogOdds(Math.log(9))).toBeCloseTo(90, 12);
    expect(scoreOfLogOdds(-Math.log(9))).toBeCloseTo(10, 12);
    expect([clamp(5, 1, 3), clamp(0, 1, 3), clamp(2, 1, 3)]).toEqual([3, 1, 2]);
  });
});

// The person signing in is told one of three things, none of which tells an attacker more than they know.
describe("what a person is told", () => {
  const told = (code: string, logOdds = 1, action: "allow" | "challenge" | "deny" = "challenge") =>
    publicReason({ action, reasons: [{ code, logOdds, detail: {} }] });

  it.each([
    ...["new_agent", "new_browser", "new_system", "new_device_type", "unknown_device", "session_device"].map(
      (code) => [code, "new_device"],
    ),
    ...["new_ip", "new_network", "new_operator", "new_country", "session_operator", "session_country"].map(
      (code) => [code, "new_location"],
    ),
    ...["listed", "reported", "constructor", "toString", ""].map((code) => [code, "unusual_activity"]),
  ])("%s is told as %s", (code, expected) => {
    expect(told(code as string)).toBe(expected);
  });

  it("is nothing when nothing is asked for, and no detail where nothing speaks against them", () => {
    expect(told("new_ip", 1, "allow")).toBeUndefined();
    expect(told("new_ip", 1, "deny")).toBe("new_location");
    expect(told("new_ip", 0)).toBe("unusual_activity");
    expect(publicReason({ action: "challenge", reasons: [] })).toBe("unusual_activity");
  });
});

describe("a stored profile", () => {
  const sound: Profile = {
    ...regular(5, { deviceId: "laptop", flags: [{ kind: "vpn", asOf: now }] }),
    place: { ...oslo, at: now },
  };
  const changed = (change: object) => ({ ...sound, ...change }) as Profile;
  const levelOf = (ip: unknown) => changed({ levels: { ...sound.levels, ip } });
  const entries = (length: number, text = "x") =>
    Array.from({ length }, (_, index) => [`${text}${index}`, 1]);

  // The hot path looks cheaply, and must not take what the reader would refuse.
  it.each<[string, unknown]>([
    ["another version", changed({ version: 2 })],
    ["no levels", changed({ levels: null })],
    ["a level missing", changed({ levels: { ...sound.levels, ip: undefined } })],
    ["a total below 0", levelOf({ total: -1, values: [] })],
    ["a total beyond all", levelOf({ total: 1e9 + 1, values: [] })],
    ["a total of text", levelOf({ total: "5", values: [] })],
    ["values that are no list", levelOf({ total: 1, values: {} })],
    ["too many values", levelOf({ total: 1, values: entries(13) })],
    ["a value that is too long", levelOf({ total: 1, values: [["x".repeat(40), 1]] })],
    ["a value without a weight", levelOf({ total: 1, values: [["x"]] })],
    ["a value of no text", levelOf({ total: 1, values: [[5, 1]] })],
    ["a value that is no pair", levelOf({ total: 1, values: ["x"] })],
    ["a weight that is no number", changed({ weight: Number.NaN })],
    ["a weight below 0", changed({ weight: -1 })],
    ["half a sign-in", changed({ learned: 1.5 })],
    ["sign-ins below 0", changed({ learned: -1 })],
    ["no time", changed({ at: Number.POSITIVE_INFINITY })],
    ["a doubtful time that is none", changed({ doubtful: Number.NaN })],
    ["programs below 0", changed({ automated: -1 })],
    ["too many devices", changed({ devices: entries(13) })],
    ["a device that is too long", changed({ devices: [["x".repeat(15), 1]] })],
    ["too many flags", changed({ flags: entries(6) })],
    ["a flag that is too long", changed({ flags: [["x".repeat(11), 1]] })],
    ["no hours", changed({ hours: null })],
    ["hours beyond all", changed({ hours: { cos: 1e10, sin: 0, total: 1 } })],
    ["hours of text", changed({ hours: { cos: 0, sin: "0", total: 1 } })],
    ["hours without a total", changed({ hours: { cos: 0, sin: 0 } })],
    ["a place off the planet", changed({ place: { ...oslo, latitude: 91, at: now } })],
    ["a place east of it", changed({ place: { ...oslo, longitude: 181, at: now } })],
    ["a place of less than no accuracy", changed({ place: { ...oslo, accuracyKm: -1, at: now } })],
    ["a place without a time", changed({ place: { ...oslo, at: Number.NaN } })],
    ["a place of text", changed({ place: "oslo" })],
  ])("with %s is met as none", (_what, profile) => {
    expect(usableProfile(profile as Profile)).toEqual(emptyProfile());
    expect(readProfile(profile).status).not.toBe("ok");
    expect(readProfile(profile).profile).toEqual(emptyProfile());
  });

  it.each<[string, Profile]>([
    ["as it was learnt", sound],
    ["without a place", changed({ place: null })],
    ["with a doubtful time", changed({ doubtful: now })],
    ["full of values", levelOf({ total: 1e9, values: entries(12) })],
    ["full of long ones", levelOf({ total: 0, values: [["x".repeat(39), 0]] })],
    [
      "full of devices and flags",
      changed({
        devices: [...entries(11), ["x".repeat(14), 1]],
        flags: [...entries(4), ["x".repeat(10), 1]],
      }),
    ],
    [
      "at the edges of its numbers",
      changed({ weight: 1e9, automated: 0, hours: { cos: -1e9, sin: 1e9, total: 0 } }),
    ],
    [
      "at the edges of the planet",
      changed({ place: { latitude: -90, longitude: 180, accuracyKm: 0, at: now } }),
    ],
  ])("%s is worked with", (_what, profile) => {
    expect(usableProfile(profile)).toBe(profile);
    expect(readProfile(JSON.parse(JSON.stringify(profile)))).toEqual({ profile, status: "ok" });
  });

  it("is missing, outdated or corrupt", () => {
    expect([null, undefined].map((stored) => readProfile(stored).status)).toEqual(["missing", "missing"]);
    expect(readProfile({ version: 2 }).status).toBe("outdated");
    for (const stored of [{ version: 1 }, { version: "2" }, { version: 1.5 }, "text", 5, []]) {
      expect(readProfile(stored).status).toBe("corrupt");
    }
    expect(usableProfile(null)).toEqual(emptyProfile());
  });
});
