import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type FreemanLogin, freemanScore } from "../src/freeman.js";

type Place = Pick<FreemanLogin, "ip" | "asn" | "country">;
type Agent = Pick<FreemanLogin, "userAgent" | "browser" | "os" | "deviceType">;

const place = (ip: string, asn: string, country: string): Place => ({ ip, asn, country });
const agent = (userAgent: string, browser: string, os: string, deviceType: string): Agent => ({
  userAgent,
  browser,
  os,
  deviceType,
});
const uaA = agent("uaA", "Chrome 120", "Windows 10", "desktop");
const uaB = agent("uaB", "Safari 17", "iOS 17", "mobile");
const uaC = agent("uaC", "Firefox 121", "Linux", "desktop");
const uaD = agent("uaD", "Chrome 121", "Windows 10", "desktop");
const times = (count: number, userId: number, where: Place, what: Agent): FreemanLogin[] =>
  Array.from({ length: count }, () => ({ userId, ...where, ...what }));

const history: FreemanLogin[] = [
  ...times(6, 1, place("1.1.1.1", "AS100", "NO"), uaA),
  ...times(2, 1, place("1.1.2.2", "AS100", "NO"), uaB),
  ...times(5, 2, place("2.2.2.2", "AS200", "US"), uaA),
  ...times(3, 2, place("2.2.2.3", "AS200", "US"), uaD),
  ...times(4, 3, place("3.3.3.3", "AS300", "DE"), uaC),
];
const home = place("1.1.1.1", "AS100", "NO");

describe("the reference model", () => {
  it.each([
    ["the usual", home, uaA, 0.13943956023114676],
    ["a new address of a known network", place("1.1.9.9", "AS100", "NO"), uaA, 0.2169405658060475],
    ["a browser update", home, agent("uaZ", "Chrome 122", "Windows 10", "desktop"), 0.25968325546579896],
    ["a new country", place("9.9.9.9", "AS900", "BR"), uaA, 1.9048439924433442],
    [
      "a header of which only the type of device is known",
      home,
      agent("uaZ", "Opera 1", "BeOS", "desktop"),
      1.4367873913052986,
    ],
  ])("gives the published value for %s", (_name, where, what, expected) => {
    const score = freemanScore(history, { userId: 1, ...where, ...what });
    expect(Math.abs(score - expected)).toBeLessThan(1e-12);
  });

  it("counts a feature of which nothing was ever seen as a ratio of 4", () => {
    const unseen = { ...place("9.9.9.9", "AS900", "BR"), ...agent("uaZ", "Opera 1", "BeOS", "tv") };
    expect(freemanScore(history, { userId: 1, ...unseen })).toBeCloseTo((16 * 20) / (3 * 8), 12);
  });

  it("is not defined for a user without history", () => {
    const attempt = { userId: 9, ...home, ...uaA };
    expect(freemanScore(history, attempt)).toBeNaN();
    expect(freemanScore([], attempt)).toBeNaN();
  });

  it("takes other weights", () => {
    const attempt = { userId: 1, ...place("1.1.9.9", "AS100", "NO"), ...uaA };
    const weights = { address: [0, 1, 0], agent: [0, 0, 0, 1] } as const;
    // Network operator: 8 of 20 against 8 of 8; type of device: 18 of 20 against 6 of 8.
    expect(freemanScore(history, attempt, { weights })).toBeCloseTo(0.4 * (0.9 / 0.75) * (20 / 24), 12);
  });

  it("agrees with the formula counted out row by row, whatever the values", () => {
    const word = fc.constantFrom("a", "b", "c", "__proto__", "constructor", "");
    const login = fc.record({
      userId: fc.constantFrom(1, 2, "__proto__"),
      ip: word,
      asn: word,
      country: word,
      userAgent: word,
      browser: word,
      os: word,
      deviceType: word,
    });
    fc.assert(
      fc.property(fc.array(login, { minLength: 1, maxLength: 25 }), login, (rows, attempt) => {
        const score = freemanScore(rows, attempt);
        const expected = byTheFormula(rows, attempt);
        if (Number.isNaN(expected)) expect(score).toBeNaN();
        else expect(Math.abs(score - expected)).toBeLessThan(1e-12 * Math.max(1, expected));
      }),
      { seed: 7, numRuns: 500 },
    );
  });
});

/** The closed form, with every count computed from the rows. */
function byTheFormula(rows: readonly FreemanLogin[], attempt: FreemanLogin): number {
  const own = rows.filter(({ userId }) => userId === attempt.userId);
  if (own.length === 0) return Number.NaN;
  const levels = [
    [["ip", 0.6] as const, ["asn", 0.3] as const, ["country", 0.1] as const],
    [
      ["userAgent", 0.5386653840551359] as const,
      ["browser", 0.2680451498625666] as const,
      ["os", 0.18818295100109536] as const,
      ["deviceType", 0.0051065150812021525] as const,
    ],
  ];
  const distinct = (some: readonly FreemanLogin[], level: keyof FreemanLogin) =>
    new Set(some.map((row) => row[level])).size;
  const count = (some: readonly FreemanLogin[], level: keyof FreemanLogin) =>
    some.filter((row) => row[level] === attempt[level]).length;
  let score = rows.length / (new Set(rows.map(({ userId }) => userId)).size * own.length);
  for (const [[finest, weight], ...coarser] of levels as [(typeof levels)[0][0], ...(typeof levels)[0]][]) {
    const local =
      (weight * count(own, finest)) / own.length +
      coarser.reduce((sum, [level, w]) => sum + (w * count(own, level)) / own.length, 0);
    const unseen = 1 + coarser.reduce((sum, [level]) => sum + distinct(rows, level), 0);
    const same = rows.filter((row) => row[finest] === attempt[finest]);
    const within = 1 + coarser.reduce((sum, [level]) => sum + distinct(same, level), 0);
    const seen = same.length;
    const first =
      seen > 0
        ? (seen / (rows.length + unseen)) * (seen / (seen + within))
        : (1 / (rows.length + unseen)) * (1 / within);
    const global =
      weight * first + coarser.reduce((sum, [level, w]) => sum + (w * count(rows, level)) / rows.length, 0);
    score *= global / (local === 0 ? global / 4 : local);
  }
  return score;
}
