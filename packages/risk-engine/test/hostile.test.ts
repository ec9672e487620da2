import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Attempt,
  assessSession,
  emptyProfile,
  learn,
  maxProfileBytes,
  type Profile,
  readProfile,
  type SessionInput,
} from "../src/index.js";
import { day, now } from "./support.js";

const bytes = (profile: Profile) => new TextEncoder().encode(JSON.stringify(profile)).length;

describe("a profile", () => {
  it("keeps its size, whatever is learnt and however much", () => {
    const hostile = fc.oneof(
      fc.string({ maxLength: 200, unit: "binary" }),
      fc.constantFrom(
        "__proto__",
        "constructor",
        '"'.repeat(200),
        "\\".repeat(200),
        "\u0000".repeat(200),
        "€".repeat(200),
      ),
    );
    const attempt: fc.Arbitrary<Attempt> = fc.record({
      at: fc.integer({ min: now, max: now + 2_000 * day }),
      ip: fc.oneof(fc.ipV4(), fc.ipV6(), hostile),
      asn: fc.oneof(hostile, fc.integer()),
      country: hostile,
      place: fc.record({
        latitude: fc.double({ min: -90, max: 90, noNaN: true }),
        longitude: fc.double({ min: -180, max: 180, noNaN: true }),
        accuracyKm: fc.double({ min: 0, noNaN: true }),
      }),
      flags: fc.array(
        fc.record({
          kind: fc.constantFrom("tor", "vpn", "proxy", "hosting", "listed"),
          asOf: fc.constant(now + 2_000 * day),
        }),
      ),
      userAgent: hostile,
      browser: hostile,
      os: hostile,
      deviceType: hostile,
      deviceId: hostile,
    });
    fc.assert(
      fc.property(fc.array(attempt, { maxLength: 120 }), (attempts) => {
        const profile = attempts.reduce(
          (known, one) => learn({ profile: known, attempt: one }),
          emptyProfile(),
        );
        expect(bytes(profile)).toBeLessThanOrEqual(maxProfileBytes);
        expect(readProfile(JSON.parse(JSON.stringify(profile)))).toEqual({ profile, status: "ok" });
      }),
      { seed: 6, numRuns: 60 },
    );
  });

  it("fills every place of its limit and still fits", () => {
    let profile = emptyProfile();
    for (let index = 0; index < 20_000; index++) {
      const letter = String.fromCharCode(97 + (index % 24));
      const wide = letter.repeat(60);
      profile = learn({
        profile,
        attempt: {
          at: now + index * 997,
          ip: `2a02:${(4_096 + (index % 24)).toString(16)}:ffff:ffff:ffff:ffff:ffff:ffff`,
          asn: wide,
          country: wide,
          userAgent: `${letter} ${wide}`,
          browser: `${wide} ${100_000 + (index % 24)}`,
          os: wide,
          deviceType: wide,
          deviceId: wide,
          place: { latitude: -12.345678, longitude: -123.456789, accuracyKm: 12_345.678 },
          flags: (["tor", "vpn", "proxy", "hosting", "listed"] as const).map((kind) => ({
            kind,
            asOf: now + index * 997,
          })),
        },
      });
    }
    expect(bytes(profile)).toBeGreaterThan(3_000);
    expect(bytes(profile)).toBeLessThanOrEqual(maxProfileBytes);
  });
});

describe("a live session", () => {
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
});
