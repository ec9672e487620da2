import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { surpriseOf } from "../src/circular.js";
import {
  type Attempt,
  assess,
  emptyProfile,
  learn,
  MemoryPopulation,
  type Profile,
  presets,
  publicReason,
} from "../src/index.js";
import { chrome, day, firefoxOnLinux, now, oslo, regular, sydney, usual } from "./support.js";

const stranger: Partial<Attempt> = {
  ip: "203.0.113.5",
  asn: 64_501,
  country: "BR",
  place: sydney,
  userAgent: firefoxOnLinux,
};
const attempts = fc.record({
  at: fc.integer({ min: now - 300 * day, max: now + 300 * day }),
  ip: fc.constantFrom("198.51.100.7", "198.51.100.9", "203.0.113.5", "2a02:1::1", "10.0.0.1", undefined),
  asn: fc.constantFrom(64_500, 64_501, "__proto__", undefined),
  country: fc.constantFrom("NO", "BR", "constructor", undefined),
  userAgent: fc.constantFrom(chrome(110), chrome(120), chrome(130), firefoxOnLinux, "curl/8.5.0", undefined),
  place: fc.constantFrom(oslo, sydney, undefined),
  deviceId: fc.constantFrom("laptop", "phone", undefined),
});
const histories = fc.array(attempts, { minLength: 1, maxLength: 40 });
const population = new MemoryPopulation();
for (const [index, userAgent] of [chrome(120), chrome(130), firefoxOnLinux, chrome(120)].entries()) {
  population.record({ ...usual, userAgent, ip: `198.51.100.${index + 6}` }, { newUser: index < 2 });
}

/** Learns in the order of time, as a service does. */
function learnAll(history: readonly Attempt[]): Profile {
  return [...history]
    .sort((a, b) => a.at - b.at)
    .reduce((profile, attempt) => learn({ profile, attempt }), emptyProfile());
}

describe("a judgement", () => {
  it("lets in the usual, asks a stranger, and refuses one with everything against them", () => {
    const profile = regular();
    expect(assess({ profile, population, attempt: usual })).toMatchObject({ level: "low", action: "allow" });
    const odd = assess({ profile, population, attempt: { ...usual, ...stranger } });
    expect(odd).toMatchObject({ level: "medium", action: "challenge" });
    const flags = [{ kind: "tor", asOf: now } as const];
    const worst = assess({
      profile,
      population,
      attempt: { ...usual, ...stranger, at: now - 20 * 3_600_000, userAgent: "curl/8.5.0", flags },
      context: { leakedPassword: true, failures: { account: 50, network: 500 } },
    });
    expect(worst).toMatchObject({ level: "high", action: "deny" });
  });

  it("adds up: the prior and the reasons give the score and the ratio", () => {
    fc.assert(
      fc.property(histories, attempts, (history, attempt) => {
        const { score, prior, reasons, likelihoodRatio } = assess({
          profile: learnAll(history),
          population,
          attempt,
          context: { failures: { account: 7 }, leakedPassword: true },
        });
        const sum = reasons.reduce((total, { logOdds }) => total + logOdds, 0);
        expect(score).toBeCloseTo(100 / (1 + Math.exp(-(prior + sum))), 9);
        expect(Math.log(likelihoodRatio)).toBeCloseTo(sum, 9);
        expect(reasons.map(({ logOdds }) => logOdds)).toEqual(
          reasons.map(({ logOdds }) => logOdds).sort((a, b) => b - a),
        );
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it("never rises when the same sign-in is learnt once more", () => {
    fc.assert(
      fc.property(histories, attempts, (history, attempt) => {
        const profile = learnAll(history);
        // A time of its own: an older one is no longer the newest thing that is known.
        const latest = { ...attempt, at: Math.max(attempt.at, profile.at) };
        const before = assess({ profile, population, attempt: latest }).score ?? 100;
        const again = learn({ profile, attempt: latest });
        const after = assess({ profile: again, population, attempt: latest }).score ?? 100;
        expect(after).toBeLessThanOrEqual(before + 1e-9);
      }),
      { seed: 2, numRuns: 1_000 },
    );
  });

  it("never rises when a value that the user never had is replaced by one that they had", () => {
    const fresh = { ip: "192.0.2.99", asn: 65_000, country: "VN", userAgent: "Mozilla/5.0 (BeOS) Opera/1" };
    const replaced = fc.subarray(["ip", "asn", "country", "userAgent"] as const, { minLength: 1 });
    fc.assert(
      fc.property(histories, attempts, replaced, (history, attempt, fields) => {
        const profile = learnAll(history);
        const known = { ...attempt, ...pickKnown(history) };
        // That it is a program speaks for itself, known or not.
        if (known.userAgent?.startsWith("curl")) return;
        const other = { ...known, ...Object.fromEntries(fields.map((field) => [field, fresh[field]])) };
        const score = (one: Attempt) => assess({ profile, population, attempt: one }).score ?? 100;
        expect(score(known)).toBeLessThanOrEqual(score(other) + 1e-9);
      }),
      { seed: 3, numRuns: 1_000 },
    );
  });

  it("never rises when a past sign-in is made to match", () => {
    fc.assert(
      fc.property(histories, attempts, fc.nat(), (history, attempt, place) => {
        const index = place % history.length;
        const { ip, asn, country, userAgent } = attempt;
        const matching = history.map((login, at) =>
          at === index ? { ...login, ip, asn, country, userAgent } : login,
        );
        // A missing value is none to match.
        if (!ip || !asn || !country || !userAgent || ip.startsWith("10.")) return;
        if (Object.values(history[index] ?? {}).includes(undefined)) return;
        const later = { ...attempt, at: now + 301 * day };
        const core = (logins: readonly Attempt[]) =>
          assess({ profile: learnAll(logins), population, attempt: later })
            .reasons.filter(({ code }) => /^(new|known)_/.test(code) && !code.endsWith("device"))
            .reduce((sum, { logOdds }) => sum + logOdds, 0);
        // Rounding of the stored weights.
        expect(core(matching)).toBeLessThanOrEqual(core(history) + 1e-3);
      }),
      { seed: 4, numRuns: 1_000 },
    );
  });

  it("rises with what is known of the user, when something is new", () => {
    const scores = [2, 5, 20, 80].map(
      (logins) =>
        assess({ profile: regular(logins), attempt: { ...usual, ...stranger } }).reasons.find(
          ({ code }) => code === "new_agent",
        )?.logOdds ?? 0,
    );
    expect(scores).toEqual([...scores].sort((a, b) => a - b));
    expect(new Set(scores).size).toBe(4);
  });

  it("is the same for the same input, and changes nothing of it", () => {
    const profile = regular();
    const text = JSON.stringify(profile);
    const once = assess({ profile, population, attempt: usual });
    expect(assess({ profile, population, attempt: usual })).toEqual(once);
    expect(JSON.stringify(profile)).toBe(text);
  });
});

/** Values that the history has, all from its newest sign-in. */
function pickKnown(history: readonly Attempt[]): Partial<Attempt> {
  const newest = [...history].sort((a, b) => a.at - b.at).at(-1);
  return { ip: newest?.ip, asn: newest?.asn, country: newest?.country, userAgent: newest?.userAgent };
}

describe("a user without history", () => {
  it("has no score, and what the policy says happens", () => {
    expect(assess({ profile: null, attempt: usual })).toMatchObject({
      score: null,
      level: "unscored",
      action: "allow",
      reasons: [],
      likelihoodRatio: 1,
    });
    const strict = assess({ profile: emptyProfile(), attempt: usual, policy: presets.strict });
    expect(strict).toMatchObject({ score: null, level: "unscored", action: "challenge" });
  });

  it("is not let in when what needs no history speaks against them", () => {
    const found = assess({
      profile: null,
      attempt: { ...usual, userAgent: "curl/8.5.0", flags: [{ kind: "tor", asOf: now }] },
      context: { leakedPassword: true },
    });
    expect(found.level).toBe("unscored");
    expect(found.action).not.toBe("allow");
  });

  it("is scored from the number of sign-ins on that the policy names", () => {
    const policy = { minimumLogins: 3 };
    expect(assess({ profile: regular(2), attempt: usual, policy }).score).toBeNull();
    expect(assess({ profile: regular(3), attempt: usual, policy }).score).not.toBeNull();
  });
});

describe("presets", () => {
  it("are stricter from relaxed to strict", () => {
    const { relaxed, balanced, strict } = presets;
    expect(relaxed.thresholds.medium).toBeGreaterThan(balanced.thresholds.medium);
    expect(balanced.thresholds.medium).toBeGreaterThan(strict.thresholds.medium);
    expect([relaxed, balanced, strict].map(({ actions }) => actions.high)).toEqual([
      "challenge",
      "deny",
      "deny",
    ]);
    expect([relaxed, balanced, strict].map(({ actions }) => actions.unscored)).toEqual([
      "allow",
      "allow",
      "challenge",
    ]);
  });
});

it("a rhythm that is seen once more at this very hour is never more surprising", () => {
  const angles = fc.array(fc.double({ min: 0, max: 6.28, noNaN: true }), { maxLength: 40 });
  fc.assert(
    fc.property(angles, fc.double({ min: 0, max: 6.28, noNaN: true }), (seen, angle) => {
      const circle = (list: readonly number[]) => ({
        cos: list.reduce((sum, one) => sum + Math.cos(one), 0),
        sin: list.reduce((sum, one) => sum + Math.sin(one), 0),
        total: list.length,
      });
      const before = surpriseOf(circle(seen), angle, 0.1);
      expect(surpriseOf(circle([...seen, angle]), angle, 0.1)).toBeLessThanOrEqual(before + 1e-3);
      expect(before).toBeLessThanOrEqual(-Math.log(0.1) + 1e-12);
    }),
    { seed: 5, numRuns: 2_000 },
  );
});

describe("what a person is told", () => {
  const policy = { ...presets.strict, thresholds: { medium: 0.02, high: 60 } };
  const judged = (change: Partial<Attempt>, context = {}) =>
    assess({ profile: regular(), attempt: { ...usual, ...change }, context, policy });

  it("is a new device, a new location, something unusual, or nothing", () => {
    expect(publicReason(judged({}))).toBeUndefined();
    expect(publicReason(judged({ userAgent: firefoxOnLinux, ip: undefined }))).toBe("new_device");
    expect(publicReason(judged({ ip: "203.0.113.5", asn: 1, country: "BR" }))).toBe("new_location");
    expect(publicReason(judged({}, { leakedPassword: true, failures: { account: 99, network: 999 } }))).toBe(
      "unusual_activity",
    );
  });

  it("is never a score, a list or a limit", () => {
    const worst = judged(
      { ...stranger, flags: [{ kind: "listed", asOf: now }] },
      { failures: { account: 99 } },
    );
    expect(["new_device", "new_location", "unusual_activity"]).toContain(publicReason(worst));
    const odd = { action: "deny", reasons: [{ code: "constructor", logOdds: 1, detail: {} }] } as const;
    expect(publicReason(odd)).toBe("unusual_activity");
  });
});
