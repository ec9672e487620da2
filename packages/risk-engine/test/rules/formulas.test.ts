import { describe, expect, it } from "vitest";
import { levelReason } from "../../src/backoff.js";
import { type Facts, gatherFacts, type Rule } from "../../src/facts.js";
import {
  type Attempt,
  type AttemptContext,
  emptyProfile,
  type PolicyInput,
  type Profile,
} from "../../src/index.js";
import { resolvePolicy } from "../../src/policy.js";
import type { Population } from "../../src/population/population.js";
import { activityRule } from "../../src/rules/activity.js";
import { addressRule } from "../../src/rules/address.js";
import { agentRule, isSameOrOlder } from "../../src/rules/agent.js";
import { automationRule } from "../../src/rules/automation.js";
import { concurrentRule } from "../../src/rules/concurrent.js";
import { deviceKey, deviceRule } from "../../src/rules/device.js";
import { dormancyRule } from "../../src/rules/dormancy.js";
import { failuresRule } from "../../src/rules/failures.js";
import { feedbackRule } from "../../src/rules/feedback.js";
import { flagsRule } from "../../src/rules/flags.js";
import { growth } from "../../src/rules/growth.js";
import { habit } from "../../src/rules/habit.js";
import { requestsRule } from "../../src/rules/requests.js";
import { rhythmRule } from "../../src/rules/rhythm.js";
import { travelRule } from "../../src/rules/travel.js";
import { chrome, day, firefoxOnLinux, now, oslo, sydney, usual } from "../support.js";

/** A profile as of now, so that nothing of it has faded. */
const known = (change: Partial<Profile> = {}): Profile => ({
  ...emptyProfile(),
  at: now,
  learned: 9,
  weight: 9,
  ...change,
});

const levelsWith = (change: Partial<Profile["levels"]>): Profile["levels"] => ({
  ...emptyProfile().levels,
  ...change,
});

interface Given {
  readonly profile?: Profile;
  readonly attempt?: Partial<Attempt>;
  readonly context?: AttemptContext;
  readonly population?: Population;
  readonly policy?: PolicyInput;
}

const factsOf = ({ profile = known(), attempt = {}, context, population, policy }: Given) =>
  gatherFacts({ profile, attempt: { ...usual, ...attempt }, context, population }, resolvePolicy(policy));

/** Reasons of a rule, with their log-odds to ten digits. */
const told = (rule: Rule, given: Given = {}) =>
  rule(factsOf(given)).map(({ code, logOdds, detail }) => [code, Number(logOdds.toPrecision(10)), detail]);

const about = (value: number) => Number(value.toPrecision(10));

/** A population of these counts, by level and value. */
const counting = (
  counts: Record<string, number>,
  totals: { logins: number; users: number } = { logins: 0, users: 0 },
): Population => ({
  count: (_feature, level, value) => counts[`${level} ${value}`] ?? 0,
  totals: () => totals,
});

describe("growth: 1 for passing the limit and 1 for each doubling", () => {
  it.each([
    [10, 10, 0],
    [9, 10, 0],
    [20, 10, 1],
    [40, 10, 1.5],
    [10.000_000_1, 10, 0.5],
    [1e9, 10, 3],
  ])("of %d above %d: %d", (amount, limit, expected) => {
    expect(growth(amount, limit, 0.5, 3)).toBeCloseTo(expected, 6);
  });
});

describe("habit: attackers' share over the user's own", () => {
  it.each([
    ["never had it, of none", { seen: 0, of: 0 }, Math.log(0.2 / 0.01)],
    ["never had it, of many: no more than people rarely do", { seen: 0, of: 1e6 }, Math.log(0.2 / 0.01)],
    ["had it one time in ten", { seen: 1, of: 9 }, Math.log(0.2 / (1.01 / 10))],
    ["more often than there were sign-ins counts as always", { seen: 5, of: 1 }, 0],
    ["always has it: no good sign", { seen: 50, of: 50 }, 0],
  ])("%s", (_what, counts, expected) => {
    expect(habit({ ...counts, attackers: 0.2, people: 0.01 }, 4)).toBeCloseTo(expected, 12);
  });

  it("keeps within its bound", () => {
    expect(habit({ seen: 0, of: 0, attackers: 1, people: 0.0001 }, 4)).toBe(4);
  });
});

describe("activity", () => {
  it.each<[string, Population | undefined, Profile, number, { own: number; mean: number }]>([
    [
      "of a user as active as the mean",
      counting({}, { logins: 90, users: 10 }),
      known(),
      0,
      { own: 9, mean: 9 },
    ],
    [
      "of a busier one",
      counting({}, { logins: 20, users: 10 }),
      known(),
      Math.log(3 / 10),
      { own: 9, mean: 2 },
    ],
    [
      "of a quieter one",
      counting({}, { logins: 990, users: 10 }),
      known(),
      Math.log(10),
      { own: 9, mean: 99 },
    ],
    ["where nothing is known of all users", undefined, known(), Math.log(2 / 10), { own: 9, mean: 1 }],
    [
      "where all have fewer than one",
      counting({}, { logins: 1, users: 10 }),
      known(),
      Math.log(0.2),
      { own: 9, mean: 1 },
    ],
    ["keeps within its bound", counting({}, { logins: 1e9, users: 1 }), known(), 6, { own: 9, mean: 1e9 }],
  ])("%s", (_what, population, profile, logOdds, detail) => {
    const given = { profile, ...(population && { population }) };
    expect(told(activityRule, given)).toEqual([["activity", about(logOdds), detail]]);
  });

  it("fades with the profile", () => {
    const [reason] = told(activityRule, { profile: known({ at: now - 120 * day }) });
    expect(reason).toEqual(["activity", about(Math.log(2 / 5.5)), { own: 4.5, mean: 1 }]);
  });
});

describe("levels", () => {
  const codes = { known: "known", fresh: "fresh" };
  const profile = known({ levels: levelsWith({ asn: { total: 9, values: [["64500", 9]] } }) });
  const reasonOf = (facts: Facts, level: "prefix" | "asn", seen: number) => {
    const { features, profile, policy } = facts;
    const { total } = profile.levels[level];
    const weight = policy.core[level];
    return levelReason(facts, {
      feature: "address",
      level,
      value: features[level],
      seen,
      total,
      weight,
      codes,
    });
  };
  const asn = (given: Given, seen: number) => reasonOf(factsOf({ profile, ...given }), "asn", seen);

  it("take the population's share within the next coarser value", () => {
    const population = counting({ "asn 64500": 4, "country NO": 18 }, { logins: 1_000, users: 1 });
    const share = 5 / 20;
    expect(asn({ population }, 9)).toEqual({
      code: "known",
      logOdds: 0.35 * Math.log(10 / (9 / share + 1)),
      detail: { value: "64500", seen: 9, of: 9, share },
    });
  });

  it("take it within the next that is known, and within all sign-ins where none is", () => {
    const population = counting({ "asn 64500": 4, "country NO": 18 }, { logins: 48, users: 1 });
    expect(asn({ population, attempt: { country: undefined } }, 9)?.detail.share).toBe(5 / 50);
    const prefix = known({ levels: levelsWith({ prefix: { total: 9, values: [["198.51.100.0/24", 9]] } }) });
    const counts = counting({ "prefix 198.51.100.0/24": 1, "country NO": 18 }, { logins: 48, users: 1 });
    const facts = factsOf({ profile: prefix, population: counts, attempt: { asn: undefined } });
    expect(reasonOf(facts, "prefix", 9)?.detail.share).toBe(2 / 20);
  });

  it.each([
    ["less than nothing", -5],
    ["no number", Number.NaN],
    ["beyond all counting", Number.POSITIVE_INFINITY],
    ["the largest number", Number.MAX_VALUE],
    ["a text, as some stores answer", "5"],
  ])("take a population that counts %s for one that knows nothing", (_what, count) => {
    const population = counting({ "asn 64500": count as number, "country NO": 2 });
    expect(asn({ population }, 9)?.detail.share).toBe(1 / 4);
    expect(
      asn({ population: counting({ "asn 64500": 1, "country NO": count as number }) }, 9)?.detail.share,
    ).toBe(1);
  });

  it("ask nobody about a value that the user never had", () => {
    const population = { ...counting({}), count: () => expect.unreachable() as never };
    expect(asn({ population }, 0)).toEqual({
      code: "fresh",
      logOdds: 0.35 * Math.log(10),
      detail: { value: "64500", seen: 0, of: 9, share: 1 },
    });
  });

  it("say nothing of what cannot be compared, or has no weight", () => {
    expect(asn({ profile: known() }, 0)).toBeUndefined();
    expect(asn({ policy: { core: { asn: 0 } } }, 9)).toBeUndefined();
  });

  it("never take more as seen than there was", () => {
    expect(asn({}, 20)?.detail).toMatchObject({ seen: 9, of: 9 });
  });

  it("name a missing value by no text", () => {
    const facts = factsOf({ profile, attempt: { asn: undefined } });
    expect(reasonOf(facts, "asn", 0)?.detail.value).toBe("");
    expect(reasonOf(facts, "asn", 9)?.detail.share).toBe(1);
  });
});

describe("address and agent", () => {
  const one = (value: string) => ({ total: 9, values: [[value, 9]] as const });
  const profile = known({
    levels: levelsWith({
      ip: one("198.51.100.7"),
      prefix: one("198.51.100.0/24"),
      asn: one("64500"),
      country: one("NO"),
      browser: {
        total: 9,
        values: [
          ["Chrome 119", 4],
          ["Chrome 120", 2],
          ["Chrome 121", 3],
        ],
      },
      os: one("Windows"),
      deviceType: one("desktop"),
      userAgent: one("other"),
    }),
  });
  const codesOf = (rule: Rule, attempt: Partial<Attempt> = {}) =>
    rule(factsOf({ profile, attempt })).map(({ code }) => code);

  it("give each level its own code, fine to coarse", () => {
    expect(codesOf(addressRule)).toEqual(["known_ip", "known_network", "known_operator", "known_country"]);
    const other = { ip: "203.0.113.5", asn: 1, country: "BR" };
    expect(codesOf(addressRule, other)).toEqual(["new_ip", "new_network", "new_operator", "new_country"]);
    expect(codesOf(agentRule)).toEqual(["new_agent", "known_browser", "known_system", "known_device_type"]);
    const phone = { browser: "Opera 1", os: "Android", deviceType: "phone" };
    expect(codesOf(agentRule, phone)).toEqual(["new_agent", "new_browser", "new_system", "new_device_type"]);
  });

  it("leave out an address that is missing, and take a missing device for a new one", () => {
    expect(codesOf(addressRule, { asn: undefined })).toEqual(["known_ip", "known_network", "known_country"]);
    expect(codesOf(agentRule, { userAgent: undefined })).toEqual([
      "new_agent",
      "new_browser",
      "new_system",
      "new_device_type",
    ]);
  });

  it("count a browser in this version and in all older ones", () => {
    const seen = (userAgent: string) =>
      agentRule(factsOf({ profile, attempt: { userAgent } })).find(({ code }) => code.endsWith("_browser"))
        ?.detail.seen;
    expect([118, 119, 120, 121, 130].map((major) => seen(chrome(major)))).toEqual([0, 4, 6, 9, 9]);
  });

  it.each([
    ["Chrome 119", "Chrome", 120, true],
    ["Chrome 120", "Chrome", 120, true],
    ["Chrome 121", "Chrome", 120, false],
    ["Chrome Mobile 119", "Chrome", 120, false],
    ["Chrome", "Chrome", 120, false],
    ["Chromes119", "Chrome", 120, false],
    ["Opera 119", "Chrome", 120, false],
  ])("%s in the profile is %s %d or older: %s", (entry, name, major, expected) => {
    expect(isSameOrOlder(entry, name, major)).toBe(expected);
  });
});

describe("device", () => {
  const laptop = deviceKey("laptop") ?? "";
  const devices = [
    [laptop, 3],
    ["phone", 1],
  ] as const;
  const of = { profile: known({ devices }) };

  it.each<[string, Given, unknown[][]]>([
    [
      "a known cookie",
      { ...of, attempt: { deviceId: "laptop" } },
      [["known_device", about(-Math.log(4)), { seen: 3, of: 4 }]],
    ],
    [
      "an unknown one",
      { ...of, attempt: { deviceId: "other" } },
      [["unknown_device", about(Math.log(5)), { seen: 0, of: 4 }]],
    ],
    ["none", of, [["unknown_device", about(Math.log(5)), { seen: 0, of: 4 }]]],
    ["a user with no known device", { attempt: { deviceId: "laptop" } }, []],
    [
      "bounds, when known",
      { profile: known({ devices: [[laptop, 1e6]] }), attempt: { deviceId: "laptop" } },
      [["known_device", -3, { seen: 1e6, of: 1e6 }]],
    ],
    [
      "bounds, when unknown",
      { profile: known({ devices: [[laptop, 1e6]] }) },
      [["unknown_device", 3, { seen: 0, of: 1e6 }]],
    ],
  ])("%s", (_what, given, expected) => {
    expect(told(deviceRule, given)).toEqual(expected);
  });

  it("fades", () => {
    const profile = known({ devices, at: now - 120 * day });
    expect(told(deviceRule, { profile, attempt: { deviceId: "laptop" } })).toEqual([
      ["known_device", about(-Math.log(2.5)), { seen: 1.5, of: 2 }],
    ]);
  });

  it("tells cookies of up to 256 characters apart", () => {
    const long = "x".repeat(255);
    expect(deviceKey(`${long}a`)).not.toBe(deviceKey(`${long}b`));
    expect(deviceKey(`${long}aa`)).toBe(deviceKey(`${long}ab`));
    expect([deviceKey(undefined), deviceKey(""), deviceKey({})]).toEqual([undefined, undefined, undefined]);
  });
});

describe("dormancy", () => {
  it.each([
    ["on the day", 90, []],
    ["at twice the time", 180, [["dormant_account", 0.8, { days: 180 }]]],
    ["after years", 5_000, [["dormant_account", 1.5, { days: 5_000 }]]],
  ])("%s", (_what, days, expected) => {
    expect(told(dormancyRule, { profile: known({ at: now - days * day }) })).toEqual(expected);
  });

  it("is nothing for a user without learnt sign-ins", () => {
    expect(told(dormancyRule, { profile: known({ learned: 0, at: 0 }) })).toEqual([]);
  });
});

describe("travel", () => {
  const place = { latitude: 0, longitude: 0, accuracyKm: 0, at: now - 3_600_000 };
  const degreeKm = (6_371 * Math.PI) / 180;
  const to = (longitude: number, change: Partial<typeof place> = {}) =>
    told(travelRule, {
      profile: known({ place: { ...place, ...change } }),
      attempt: { place: { latitude: 0, longitude, accuracyKm: 0 } },
    });

  it("adds half at the limit and all at twice the limit", () => {
    const km = (degrees: number) => Number((degrees * degreeKm).toFixed(6));
    const of = (degrees: number) => {
      const [reason] = to(degrees) as unknown as [
        string,
        number,
        { distanceKm: number; kmPerHour: number },
      ][];
      if (!reason) return undefined;
      const [code, logOdds, { distanceKm, kmPerHour }] = reason;
      return [code, logOdds, Number(distanceKm.toFixed(6)), Number(kmPerHour.toFixed(6))];
    };
    expect(of(8)).toBeUndefined();
    expect(of(9)).toEqual(["impossible_travel", about((3 * 9 * degreeKm) / 1_800), km(9), km(9)]);
    expect(of(17)).toEqual(["impossible_travel", 3, km(17), km(17)]);
    expect(of(90)).toEqual(["impossible_travel", 3, km(90), km(90)]);
  });

  it("is nothing within the error of address databases, or without two places", () => {
    expect(to(0.5, { at: now })).toEqual([]);
    expect(to(1, { at: now })).toHaveLength(1);
    expect(told(travelRule, { profile: known() })).toEqual([]);
    const profile = known({ place });
    expect(told(travelRule, { profile, attempt: { place: undefined } })).toEqual([]);
    expect(told(travelRule, { profile, attempt: { place: sydney, at: Number.NaN } })).toEqual([]);
  });
});

describe("concurrent sessions", () => {
  const session = (place: typeof oslo, minutes = 1) => ({ at: now - minutes * 60_000, place });

  it.each<[string, object[], number]>([
    ["far away a minute ago", [session(sydney)], 1],
    ["far away at the edge of what is live", [session(sydney, 60)], 1],
    ["far away longer ago", [session(sydney, 60.1)], 0],
    ["far away in what a wrong clock says", [session(sydney, -61)], 0],
    ["nowhere", [{ at: now }], 0],
    ["without a time", [{ place: sydney }], 0],
    ["no session", [null as never], 0],
    ["next door", [session({ ...oslo, longitude: 10.9 }, 0)], 0],
  ])("%s", (_what, sessions, expected) => {
    expect(told(concurrentRule, { context: { sessions: sessions as never } })).toHaveLength(expected);
  });

  it("count once, by the farthest", () => {
    const berlin = { latitude: 52.5, longitude: 13.4, accuracyKm: 0 };
    const [reason, ...others] = told(concurrentRule, {
      context: { sessions: [session(sydney), session(berlin), session(oslo)] },
    });
    expect(others).toEqual([]);
    expect(reason?.[1]).toBe(2);
    expect(reason?.[2]).toEqual({ distanceKm: expect.closeTo(15_950, -2) });
  });

  it("are left out where the policy gives them nothing, or they are no list", () => {
    const context = { sessions: [session(sydney)] };
    expect(told(concurrentRule, { context, policy: { concurrent: { distant: 0 } } })).toEqual([]);
    expect(told(concurrentRule, { context: { sessions: {} as never } })).toEqual([]);
    expect(told(concurrentRule, { context, attempt: { at: Number.NaN } })).toEqual([]);
    expect(told(concurrentRule, { context, attempt: { place: undefined } })).toEqual([]);
  });
});

describe("failures", () => {
  it("name the count and the limit of the account and of the network", () => {
    expect(told(failuresRule, { context: { failures: { account: 6, network: 40 } } })).toEqual([
      ["account_failures", 1.4, { count: 6, limit: 3 }],
      ["network_failures", 2.1, { count: 40, limit: 10 }],
    ]);
    expect(told(failuresRule, { context: { failures: { network: 40, networkUsers: 20 } } })).toEqual([
      ["network_failures", 1.4, { count: 40, limit: 20 }],
    ]);
    expect(told(failuresRule)).toEqual([]);
    expect(told(failuresRule, { context: { failures: { account: -9, network: Number.NaN } } })).toEqual([]);
  });
});

describe("flags and automation", () => {
  const flags = [{ kind: "vpn", asOf: now } as const, { kind: "relay", asOf: now } as const];

  it("compare with how often the user comes that way", () => {
    const profile = known({ flags: [["vpn", 1]], automated: 1 });
    expect(told(flagsRule, { profile, attempt: { flags } })).toEqual([
      ["vpn", about(Math.log(0.15 / (1.03 / 10))), { seen: 1, of: 9 }],
    ]);
    expect(told(automationRule, { profile, context: { automated: true } })).toEqual([
      ["automated", about(Math.log(0.2 / (1.005 / 10))), { seen: 1, of: 9 }],
    ]);
  });

  it("fade", () => {
    const profile = known({ flags: [["vpn", 1]], automated: 1, at: now - 120 * day });
    expect(told(flagsRule, { profile, attempt: { flags } })[0]?.[2]).toEqual({ seen: 0.5, of: 4.5 });
    const program = { profile, attempt: { userAgent: "curl/8.5.0" } };
    expect(told(automationRule, program)[0]?.[2]).toEqual({ seen: 0.5, of: 4.5 });
  });

  it("are nothing of a person, or of what only looks like an answer", () => {
    expect(told(automationRule, { context: { automated: "yes" as never } })).toEqual([]);
    expect(told(flagsRule)).toEqual([]);
  });
});

describe("requests", () => {
  it.each<[string, object | undefined, unknown[][]]>([
    ["none told", undefined, []],
    ["at the floor", { perMinute: 30 }, []],
    ["twice the floor", { perMinute: 60 }, [["request_rate", 1, { perMinute: 60, limit: 30 }]]],
    ["four times the user's own", { perMinute: 400, usualPerMinute: 100 }, []],
    [
      "eight times the user's own",
      { perMinute: 800, usualPerMinute: 100 },
      [["request_rate", 1, { perMinute: 800, limit: 400 }]],
    ],
  ])("%s", (_what, requests, expected) => {
    expect(told(requestsRule, { context: { requests } as AttemptContext })).toEqual(expected);
  });
});

describe("rhythm", () => {
  const at10 = (total: number) => {
    const angle = (10 / 24) * 2 * Math.PI;
    return { cos: total * Math.cos(angle), sin: total * Math.sin(angle), total };
  };
  const hourOf = (hour: number, hours = at10(30)) =>
    told(rhythmRule, { profile: known({ hours }), attempt: { at: now + (hour - 10) * 3_600_000 } });

  it("trusts the usual hour, doubts the opposite one, and no more than the surprise allows", () => {
    const [[, usualHour] = []] = hourOf(10) as [string, number][];
    const [[, oddHour] = []] = hourOf(22) as [string, number][];
    expect(usualHour).toBeLessThan(-0.5);
    expect(oddHour).toBeGreaterThan(1);
    expect(oddHour).toBeLessThanOrEqual(0.9 * -Math.log(0.1) + 1e-9);
  });

  it("says nothing of few sign-ins, or without a time", () => {
    expect(hourOf(22, at10(3))).toEqual([]);
    expect(told(rhythmRule, { profile: known({ hours: at10(30) }), attempt: { at: Number.NaN } })).toEqual(
      [],
    );
  });
});

describe("feedback", () => {
  const answer = {
    verdict: "mine",
    at: now,
    aboutSessionId: "a",
    fromSessionId: "b",
    ip: usual.ip,
    userAgent: usual.userAgent,
  } as const;
  const given = (...feedback: object[]) =>
    told(feedbackRule, { context: { feedback: feedback as never } }).map(([code, logOdds, detail]) => [
      code,
      logOdds,
      detail,
    ]);

  it("counts the answers about the same network or device", () => {
    expect(given(answer)).toEqual([["confirmed", -1, { answers: 1 }]]);
    expect(given(answer, { ...answer, verdict: "not_mine" })).toEqual([["reported", 4, { answers: 2 }]]);
  });

  it.each<[string, object, number]>([
    ["of the last day", { at: now - 90 * day }, 1],
    ["older", { at: now - 90 * day - 1 }, 0],
    ["without a time", { at: undefined }, 0],
    ["from no session", { fromSessionId: "" }, 0],
    ["from the session itself", { fromSessionId: "a" }, 0],
    ["of another verdict", { verdict: "maybe" }, 0],
    ["of another network, for the user", { ip: "203.0.113.9" }, 0],
    ["of another device, for the user", { userAgent: firefoxOnLinux }, 0],
    ["of another address in the same network", { ip: "198.51.100.200" }, 1],
    ["of no address and no device", { ip: undefined, userAgent: undefined }, 0],
    ["of the same network alone, against the user", { verdict: "not_mine", userAgent: undefined }, 1],
    ["of the same device alone, which the owner never had", { verdict: "not_mine", ip: undefined }, 1],
  ])("%s", (_what, change, expected) => {
    expect(given({ ...answer, ...change })).toHaveLength(expected);
  });

  it("is nothing where it is no list of answers, or the attempt has no time", () => {
    expect(given(null as never, "mine" as never)).toEqual([]);
    expect(told(feedbackRule, { context: { feedback: {} as never } })).toEqual([]);
    expect(told(feedbackRule, { context: { feedback: [answer] }, attempt: { at: Number.NaN } })).toEqual([]);
  });
});
