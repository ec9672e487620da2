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

  it("is asked or ended when its token is used from another country on another device", () => {
    const stolen = judged({ ip: "203.0.113.5", asn: 64_501, country: "BR", userAgent: firefoxOnLinux });
    expect(stolen.action).not.toBe("allow");
  });

  it("takes the prior where the sign-in had no score", () => {
    for (const score of [null, undefined, Number.NaN, -1]) {
      expect(judged({}, { score }).prior).toBe(presets.balanced.prior);
    }
  });

  it("is no evidence, whatever else it holds", () => {
    const fields = [
      "at",
      "ip",
      "asn",
      "country",
      "userAgent",
      "flagged",
      "requestsPerMinute",
      "newEndpoints",
    ];
    const origin = fc.oneof(
      fc.constantFrom(null, undefined, 0, "x", []),
      fc.record(Object.fromEntries([...fields, "score"].map((field) => [field, fc.anything()]))),
    );
    fc.assert(
      fc.property(origin, origin, (first, second) => {
        const given = { start: first, current: second } as unknown as SessionInput;
        const { score, level, reasons } = assessSession(given);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(100);
        expect(["low", "medium", "high"]).toContain(level);
        expect(reasons.every(({ logOdds }) => logOdds > 0 && Number.isFinite(logOdds))).toBe(true);
      }),
      { seed: 9, numRuns: 5_000 },
    );
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
