import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assessSession, presets, type SessionInput } from "../src/index.js";
import { chrome, firefoxOnLinux, now } from "./support.js";

const hour = 3_600_000;
const start = { at: now, ip: "198.51.100.7", asn: 64_500, country: "NO", userAgent: chrome(120), score: 2 };
const judged = (change: Partial<SessionInput["current"]> = {}, began: Partial<SessionInput["start"]> = {}) =>
  assessSession({ start: { ...start, ...began }, current: { ...start, at: now + hour, ...change } });
const codes = (change: Partial<SessionInput["current"]>, began: Partial<SessionInput["start"]> = {}) =>
  judged(change, began).reasons.map(({ code }) => code);

describe("a live session", () => {
  it("keeps its sign-in's score while nothing changes", () => {
    expect(judged()).toMatchObject({ reasons: [], level: "low", action: "allow" });
    expect(judged().score).toBeCloseTo(2, 9);
  });

  it.each([
    ["another address of the network", { ip: "198.51.100.99" }, []],
    ["another network of the operator", { ip: "203.0.113.5" }, ["session_network"]],
    ["another operator", { ip: "203.0.113.5", asn: 64_501 }, ["session_operator"]],
    ["another country", { ip: "203.0.113.5", asn: 64_501, country: "BR" }, ["session_country"]],
    ["an update of the browser", { userAgent: chrome(121) }, []],
    ["an older browser", { userAgent: chrome(90) }, ["session_downgrade"]],
    ["another device", { userAgent: firefoxOnLinux }, ["session_device"]],
    ["no header any more", { userAgent: undefined }, ["session_device"]],
    ["an anonymous address", { flagged: true }, ["session_flagged"]],
    ["a burst", { requestsPerMinute: 600, usualRequestsPerMinute: 20 }, ["session_requests"]],
    ["a user who is always that fast", { requestsPerMinute: 600, usualRequestsPerMinute: 500 }, []],
    ["endpoints never called before", { newEndpoints: 20 }, ["session_endpoints"]],
    ["age", { at: now + 50 * hour }, ["session_age"]],
    ["a clock that ran backwards", { at: now - 50 * hour }, []],
    ["an address that can't be read", { ip: "?" }, []],
    ["numbers that are none", { requestsPerMinute: Number.NaN, newEndpoints: -5, at: Number.NaN }, []],
  ] as const)("%s", (_name, change, expected) => {
    expect(codes(change)).toEqual(expected);
  });

  // Log-odds and figures as the policy has them; an auditor reads both.
  it.each<[string, Partial<SessionInput["current"]>, string, number, object]>([
    [
      "network",
      { ip: "203.0.113.5" },
      "session_network",
      0.3,
      { from: "198.51.100.0/24", to: "203.0.113.0/24" },
    ],
    ["operator", { asn: 64_501 }, "session_operator", 1.2, { from: "64500", to: "64501" }],
    ["country", { country: "br" }, "session_country", 2.5, { from: "NO", to: "BR" }],
    ["device", { userAgent: firefoxOnLinux }, "session_device", 3, { browser: "Firefox", os: "Linux" }],
    ["unreadable device", { userAgent: "x" }, "session_device", 3, { browser: "", os: "" }],
    ["older browser", { userAgent: chrome(119) }, "session_downgrade", 1.5, { from: 120, to: 119 }],
    ["anonymous address", { flagged: true }, "session_flagged", 1.5, {}],
    ["burst", { requestsPerMinute: 240 }, "session_requests", 1.8, { perMinute: 240, limit: 60 }],
    [
      "burst against the user's own rate",
      { requestsPerMinute: 400, usualRequestsPerMinute: 20 },
      "session_requests",
      1.8,
      { perMinute: 400, limit: 100 },
    ],
    ["burst beyond all", { requestsPerMinute: 1e9 }, "session_requests", 2.5, { perMinute: 1e9, limit: 60 }],
    ["new endpoints", { newEndpoints: 20 }, "session_endpoints", 1.2, { endpoints: 20, limit: 5 }],
    ["age", { at: now + 96 * hour }, "session_age", 0.6, { hours: 96 }],
  ])("%s", (_what, change, code, logOdds, detail) => {
    const { reasons, prior, score } = judged(change);
    expect(reasons).toEqual([{ code, logOdds: expect.closeTo(logOdds, 12), detail }]);
    expect(score).toBeCloseTo(100 / (1 + Math.exp(-prior - logOdds)), 9);
  });

  it.each<[string, Partial<SessionInput["current"]>, Partial<SessionInput["start"]>]>([
    ["at its limits", { at: now + 24 * hour, requestsPerMinute: 60, newEndpoints: 5 }, {}],
    ["flagged from the begin", { flagged: true }, { flagged: true }],
    ["flagged by what is no answer", { flagged: "yes" as never }, {}],
    ["that began without a header", { userAgent: chrome(120) }, { userAgent: undefined }],
    [
      "that began without a network",
      { ip: "203.0.113.5", asn: 1, country: "BR" },
      { ip: undefined, asn: undefined, country: undefined },
    ],
    ["whose network is not told any more", { ip: undefined, asn: undefined, country: undefined }, {}],
    ["whose operator is written in another way", { asn: "AS64500 Example" }, {}],
  ])("%s has nothing against it", (_what, change, began) => {
    expect(judged(change, began).reasons).toEqual([]);
  });

  it("never counts a wider change less than a narrower one", () => {
    const policy = { session: { country: 0, asn: 0, prefix: 1, device: 0, downgrade: 2 } };
    const of = (change: Partial<SessionInput["current"]>) =>
      assessSession({ start, current: { ...start, ...change }, policy }).reasons.map(
        ({ logOdds }) => logOdds,
      );
    expect(of({ country: "BR" })).toEqual([1]);
    expect(of({ asn: 1 })).toEqual([1]);
    expect(of({ userAgent: firefoxOnLinux })).toEqual([2]);
    const none = { session: { flagged: 0 } };
    expect(assessSession({ start, current: { ...start, flagged: true }, policy: none }).reasons).toEqual([]);
  });

  it("takes its sign-in's score for odds, and never for certainty", () => {
    const prior = (score: number) => judged({}, { score }).prior;
    expect(prior(50)).toBe(0);
    expect(prior(90)).toBeCloseTo(Math.log(9), 12);
    expect(prior(0)).toBeCloseTo(Math.log(1e-6 / (1 - 1e-6)), 6);
    expect(prior(100)).toBeCloseTo(-Math.log(1e-6 / (1 - 1e-6)), 6);
    expect(prior(100.1)).toBe(presets.balanced.prior);
    expect(prior("50" as never)).toBe(presets.balanced.prior);
  });

  it("that is missing altogether is judged by nothing", () => {
    expect(assessSession({} as never)).toMatchObject({ reasons: [], level: "low" });
  });

  it("is asked or ended when its token is used from another country on another device", () => {
    const stolen = judged({ ip: "203.0.113.5", asn: 64_501, country: "BR", userAgent: firefoxOnLinux });
    expect(stolen.action).not.toBe("allow");
  });

  it("takes the prior where the sign-in had no score", () => {
    for (const score of [null, undefined, Number.NaN, -1]) {
      expect(judged({}, { score }).prior).toBe(presets.balanced.prior);
    }
  });

  it("adds up, never falls below its sign-in, and never sinks when more changes", () => {
    const amount = fc.option(fc.double({ min: 0, max: 1e6 }), { nil: undefined });
    const change = fc.record({
      at: fc.integer({ min: now - 1_000 * hour, max: now + 1_000 * hour }),
      ip: fc.constantFrom(start.ip, "203.0.113.5", "x", undefined),
      asn: fc.constantFrom(start.asn, 1, undefined),
      country: fc.constantFrom("NO", "BR", undefined),
      userAgent: fc.constantFrom(chrome(120), chrome(100), firefoxOnLinux, undefined),
      flagged: fc.boolean(),
      requestsPerMinute: amount,
      newEndpoints: amount,
    });
    const score = fc.double({ min: 0, max: 100, noNaN: true });
    fc.assert(
      fc.property(change, score, (current, began) => {
        const found = assessSession({ start: { ...start, score: began }, current });
        const sum = found.reasons.reduce((total, { logOdds }) => total + logOdds, found.prior);
        expect(found.score).toBeCloseTo(100 / (1 + Math.exp(-sum)), 9);
        expect(found.score).toBeGreaterThanOrEqual(Math.min(began, 99.999) - 1e-3);
        expect(found.reasons.every(({ logOdds }) => logOdds > 0)).toBe(true);
        for (const [field, value] of Object.entries({
          flagged: true,
          requestsPerMinute: 1e7,
          newEndpoints: 1e7,
        })) {
          const more = assessSession({
            start: { ...start, score: began },
            current: { ...current, [field]: value },
          });
          expect(more.score).toBeGreaterThanOrEqual(found.score - 1e-9);
        }
      }),
      { seed: 8, numRuns: 1_000 },
    );
  });
});
