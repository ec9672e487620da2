// Taken from public reports; each says what was met, and why the right value is right.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Attempt,
  type AttemptContext,
  assess,
  emptyProfile,
  learn,
  MemoryPopulation,
  type Profile,
  presets,
} from "../../src/index.js";
import { chrome, day, firefoxOnLinux, now, oslo, regular, sydney, usual } from "../support.js";

const strictness = { allow: 0, challenge: 1, deny: 2 } as const;
const population = new MemoryPopulation();
for (let index = 0; index < 40; index++) {
  population.record({ ...usual, ip: `198.51.100.${index % 9}` }, { newUser: index < 5 });
}
const profiles = [null, regular(1), regular(20), regular(20, { flags: [{ kind: "vpn", asOf: now }] })];
const thief: Attempt = {
  at: now,
  ip: "192.0.2.66",
  asn: 9009,
  country: "RU",
  place: sydney,
  userAgent: "python-requests/2.32.3",
  flags: [
    { kind: "tor", asOf: now },
    { kind: "listed", asOf: now },
  ],
};
const report = {
  verdict: "not_mine",
  at: now - day,
  aboutSessionId: "a",
  fromSessionId: "b",
  ip: thief.ip,
  userAgent: thief.userAgent,
} as const;

describe("a reason only adds caution", () => {
  // A report, by the owner or by the thief, must not turn a denial into a challenge.
  const attempts = fc.record({
    at: fc.constantFrom(now, now + 13 * 3_600_000, now + 200 * day),
    ip: fc.constantFrom(usual.ip, "192.0.2.66", "203.0.113.9", undefined),
    asn: fc.constantFrom(usual.asn, 9009, undefined),
    country: fc.constantFrom(usual.country, "RU", undefined),
    place: fc.constantFrom(oslo, sydney, undefined),
    userAgent: fc.constantFrom(chrome(120), firefoxOnLinux, "python-requests/2.32.3", undefined),
    flags: fc.subarray([
      { kind: "tor", asOf: now },
      { kind: "listed", asOf: now },
      { kind: "hosting", asOf: now },
    ] as const),
  });
  const contexts: fc.Arbitrary<AttemptContext> = fc.record(
    {
      failures: fc.constantFrom({ account: 9 }, { network: 400 }, { account: 90, network: 900 }),
      leakedPassword: fc.constant(true),
      automated: fc.constant(true),
      requests: fc.constant({ perMinute: 5_000, usualPerMinute: 1 }),
      sessions: fc.constant([{ at: now - 60_000, place: sydney }]),
    },
    { requiredKeys: [] },
  );
  const more: fc.Arbitrary<AttemptContext> = fc.constantFrom<AttemptContext>(
    { failures: { account: 100, network: 1_000 } },
    { leakedPassword: true },
    { automated: true },
    { requests: { perMinute: 9_000, usualPerMinute: 1 } },
    { feedback: [report] },
    { feedback: [{ ...report, ip: usual.ip, userAgent: usual.userAgent }] },
    {
      feedback: [
        { ...report, ip: "203.0.113.9" },
        { ...report, fromSessionId: "c" },
      ],
    },
  );

  it("whatever is known, and under every preset, nothing more that speaks against a sign-in makes its action milder", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...profiles),
        attempts,
        contexts,
        more,
        fc.constantFrom(...Object.values(presets)),
        (profile, attempt, context, added, policy) => {
          const input = { profile, population, policy, attempt: attempt as Attempt };
          const before = assess({ ...input, context }).action;
          const after = assess({ ...input, context: { ...context, ...added } }).action;
          expect(strictness[after]).toBeGreaterThanOrEqual(strictness[before]);
        },
      ),
      { seed: 30, numRuns: 3_000 },
    );
  });

  it("what is denied stays denied after a report of it", () => {
    const input = { profile: regular(60), population, attempt: thief };
    expect(assess(input).action).toBe("deny");
    for (const fromSessionId of ["the owner's", "another of the thief's"]) {
      const feedback = [{ ...report, fromSessionId }];
      expect(assess({ ...input, context: { feedback } }).action).toBe("deny");
    }
  });

  it("and a report alone denies nobody", () => {
    const home = { ip: usual.ip, userAgent: usual.userAgent };
    for (const count of [1, 16, 200]) {
      const feedback = Array.from({ length: count }, (_, n) => ({
        ...report,
        ...home,
        aboutSessionId: `${n}`,
      }));
      const { action } = assess({ profile: regular(200), population, attempt: usual, context: { feedback } });
      expect(action).toBe("challenge");
    }
  });
});

describe("one wrong clock reading (NTPClient 84)", () => {
  const old = (at: number): Attempt => ({ ...usual, at });
  const moved = (at: number): Attempt => ({ ...usual, at, ip: "203.0.113.9", asn: 1136, country: "NL" });
  const start = Date.UTC(2026, 0, 5, 9);
  const years = 365 * day;
  const learnAll = (attempts: Attempt[]): Profile =>
    attempts.reduce<Profile>(
      (profile, attempt) => learn({ profile, attempt, confirmed: true }),
      emptyProfile(),
    );
  const days = (from: number, to: number, make: (at: number) => Attempt) =>
    Array.from({ length: to - from }, (_, n) => make(start + (from + n) * day));

  it.each([
    ["a year ahead", 1],
    ["ten years ahead", 10],
  ])("%s does not stop the profile from learning", (_name, ahead) => {
    const wrong = old(start + 20 * day + ahead * years);
    const profile = learnAll([...days(0, 20, old), wrong, ...days(20, 60, moved)]);
    const right = learnAll([...days(0, 20, old), ...days(20, 60, moved)]);
    expect(profile.at).toBe(right.at);
    const attempt = moved(start + 60 * day);
    expect(assess({ profile, attempt }).level).toBe(assess({ profile: right, attempt }).level);
  });

  it("that a profile already bears is healed by the second sign-in after it", () => {
    const stuck: Profile = { ...learnAll(days(0, 20, old)), at: start + 10 * years };
    const profile = days(20, 23, moved).reduce<Profile>(
      (known, attempt) => learn({ profile: known, attempt }),
      stuck,
    );
    expect(profile.at).toBe(start + 22 * day);
  });

  it("and who really comes back after a year is believed the second time", () => {
    const back = [moved(start + 400 * day), moved(start + 401 * day)];
    const profile = learnAll([...days(0, 20, old), ...back]);
    expect(profile.at).toBe(start + 401 * day);
  });
});
