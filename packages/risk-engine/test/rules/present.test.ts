import { describe, expect, it } from "vitest";
import { assess, learn, type NetworkFlagKind, presets } from "../../src/index.js";
import { chrome, day, evidence, firefoxOnLinux, now, oslo, regular, sydney, usual } from "../support.js";

describe("failures", () => {
  it("count above the limit, and no more than their bound", () => {
    expect(evidence(regular(), {}, { failures: { account: 3 } }).account_failures).toBeUndefined();
    expect(evidence(regular(), {}, { failures: { account: 12 } }).account_failures).toBeCloseTo(2.1, 12);
    expect(evidence(regular(), {}, { failures: { account: 1e9 } }).account_failures).toBe(2.5);
  });

  it("are more usual on a network that many share", () => {
    expect(evidence(regular(), {}, { failures: { network: 100 } }).network_failures).toBeGreaterThan(2);
    const shared = { failures: { network: 100, networkUsers: 1_000 } };
    expect(evidence(regular(), {}, shared).network_failures).toBeUndefined();
  });

  it("alone never refuse anybody: else anybody could lock anybody out", () => {
    const found = evidence(regular(), {}, { failures: { account: 1e9, network: 1e9 } });
    expect((found.account_failures ?? 0) + (found.network_failures ?? 0)).toBeLessThanOrEqual(5);
  });
});

describe("flags", () => {
  const flagged = (kind: NetworkFlagKind, asOf = now) => ({ flags: [{ kind, asOf }] });

  it.each(["tor", "vpn", "proxy", "hosting", "listed"] as const)(
    "%s counts against a user who never had it",
    (kind) => {
      expect(evidence(regular(), flagged(kind))[kind]).toBeGreaterThan(1);
    },
  );

  it.each(["relay", "satellite", "shared"] as const)("%s says nothing by itself", (kind) => {
    expect(evidence(regular(), flagged(kind))[kind]).toBeUndefined();
  });

  it("does not count against somebody who always comes that way", () => {
    expect(evidence(regular(20, flagged("vpn")), flagged("vpn")).vpn).toBeUndefined();
  });

  it("counts for nothing when the list is stale", () => {
    expect(evidence(regular(), flagged("tor", now - 30 * day)).tor).toBeUndefined();
    expect(evidence(regular(), flagged("tor", Number.NaN)).tor).toBeUndefined();
  });

  it("keeps within its bound", () => {
    const policy = { flags: { tor: { attackers: 1, people: 0.0001 } } };
    expect(evidence(regular(), flagged("tor"), {}, policy).tor).toBe(4);
  });
});

describe("automation", () => {
  it.each(["curl/8.5.0", "python-requests/2.32", "Mozilla/5.0 HeadlessChrome/120.0", "Googlebot/2.1"])(
    "%s is told",
    (userAgent) => {
      expect(evidence(regular(), { userAgent }).automated).toBeGreaterThan(3);
    },
  );

  it.each([chrome(120), firefoxOnLinux, "Mozilla/5.0 (Linux; Android 9; CUBOT P30) Chrome/119.0 Mobile"])(
    "%s is not",
    (userAgent) => {
      expect(evidence(regular(), { userAgent }).automated).toBeUndefined();
    },
  );

  it("is no surprise of a user whose programs sign in", () => {
    const userAgent = "curl/8.5.0";
    expect(evidence(regular(20, { userAgent }), { userAgent }).automated).toBeUndefined();
  });

  it("is believed when the page saw it", () => {
    expect(evidence(regular(), {}, { automated: true }).automated).toBeGreaterThan(3);
  });
});

describe("concurrent sessions", () => {
  it("are doubted when they are too far away, once", () => {
    const there = { at: now - 60_000, place: sydney };
    expect(evidence(regular(), {}, { sessions: [there, there] }).distant_session).toBe(2);
    expect(evidence(regular(), {}, { sessions: [{ at: now, place: oslo }] }).distant_session).toBeUndefined();
    const idle = [{ at: now - 5 * 3_600_000, place: sydney }];
    expect(evidence(regular(), {}, { sessions: idle }).distant_session).toBeUndefined();
  });

  it("are not doubted through a VPN", () => {
    const flags = [{ kind: "vpn", asOf: now } as const];
    const sessions = [{ at: now, place: sydney }];
    expect(evidence(regular(), { flags }, { sessions }).distant_session).toBeUndefined();
  });
});

describe("requests", () => {
  it("count against the user's own rate, above a floor", () => {
    const at = (perMinute: number, usualPerMinute: number) =>
      evidence(regular(), {}, { requests: { perMinute, usualPerMinute } }).request_rate;
    expect(at(200, 10)).toBeGreaterThan(0.5);
    expect(at(200, 100)).toBeUndefined();
    expect(at(25, 0)).toBeUndefined();
    expect(at(1e12, 1)).toBe(2);
  });
});

describe("leaked password", () => {
  it("counts when it is known to be", () => {
    expect(evidence(regular(), {}, { leakedPassword: true }).leaked_password).toBe(1.5);
    expect(evidence(regular(), {}, { leakedPassword: false }).leaked_password).toBeUndefined();
  });
});

describe("feedback", () => {
  const answer = {
    at: now - day,
    aboutSessionId: "a",
    fromSessionId: "b",
    ip: usual.ip,
    userAgent: usual.userAgent,
  };
  const given = (change: object, attempt = {}) =>
    evidence(regular(), attempt, { feedback: [{ ...answer, verdict: "mine", ...change }] });

  it("speaks for the same network and device, and against", () => {
    expect(given({}).confirmed).toBe(-1);
    expect(given({ verdict: "not_mine" }).reported).toBe(4);
  });

  it("is ignored from the session that it is about", () => {
    expect(given({ fromSessionId: "a" }).confirmed).toBeUndefined();
    expect(given({ fromSessionId: "" }).confirmed).toBeUndefined();
  });

  it("is ignored when it is old, or about something else", () => {
    expect(given({ at: now - 100 * day }).confirmed).toBeUndefined();
    const other = { ip: "203.0.113.5", userAgent: firefoxOnLinux };
    expect(given({ verdict: "not_mine", ...other }).reported).toBeUndefined();
  });

  it("one refusal outweighs every confirmation", () => {
    const feedback = [
      { ...answer, verdict: "mine" as const },
      { ...answer, verdict: "not_mine" as const },
    ];
    expect(evidence(regular(), {}, { feedback })).toMatchObject({ reported: 4 });
  });
});

it("what a program signs in with is learnt as such", () => {
  const profile = learn({ profile: null, attempt: { ...usual, userAgent: "curl/8.5.0" } });
  expect(profile.automated).toBe(1);
});

describe("feedback about a thief who was let in once", () => {
  // The owner's header, as anybody's is who uses the same browser, from a place of their own.
  const theft = { ip: "203.0.113.66", asn: 64_999, country: "NO", place: undefined };
  const taught = learn({ profile: regular(), attempt: { ...usual, ...theft, at: now - 3_600_000 } });
  const report = {
    verdict: "not_mine" as const,
    at: now - 60_000,
    aboutSessionId: "a",
    fromSessionId: "b",
    ip: theft.ip,
    userAgent: usual.userAgent,
  };
  const judged = (attempt: object, preset: keyof typeof presets, feedback = [report]) =>
    assess({
      profile: taught,
      attempt: { ...usual, ...attempt },
      context: { feedback },
      policy: presets[preset],
    });

  it.each(["balanced", "strict", "relaxed"] as const)("asks the thief by the policy %s", (preset) => {
    expect(judged(theft, preset).action).not.toBe("allow");
    expect(judged(theft, preset, []).action).toBe("allow");
  });

  it.each(["balanced", "strict", "relaxed"] as const)("lets the owner in by the policy %s", (preset) => {
    expect(judged({}, preset).action).toBe("allow");
  });

  it("knows nothing of the network any more, and of the header only where it comes from there", () => {
    const codes = judged(theft, "balanced").reasons.map(({ code }) => code);
    expect(codes).toEqual(expect.arrayContaining(["reported", "new_network", "new_operator", "new_agent"]));
    const elsewhere = judged({}, "balanced").reasons.map(({ code }) => code);
    expect(elsewhere).toEqual(expect.arrayContaining(["known_network", "known_agent"]));
    expect(elsewhere).not.toContain("reported");
  });

  it("never locks the owner out, who may have pressed the wrong button, or be reported by the thief", () => {
    const profile = regular(60);
    const feedback = [{ ...report, ip: usual.ip }];
    const found = assess({ profile, attempt: usual, context: { feedback } });
    expect(found).toMatchObject({ level: "high", action: "challenge" });
  });

  it("follows a header that only the thief had to another network", () => {
    const own = { ...theft, userAgent: firefoxOnLinux };
    const profile = learn({ profile: regular(), attempt: { ...usual, ...own, at: now - 3_600_000 } });
    const attempt = { ...usual, userAgent: firefoxOnLinux };
    const feedback = [{ ...report, userAgent: firefoxOnLinux }];
    const codes = assess({ profile, attempt, context: { feedback } }).reasons.map(({ code }) => code);
    expect(codes).toContain("reported");
  });
});
