import { describe, expect, it } from "vitest";
import { z } from "zod";
import { assess, calibrate, isRiskError, parsePolicy, policySchema, presets } from "../src/index.js";
import { resolvePolicy } from "../src/policy.js";
import { regular, usual } from "./support.js";

const code = (act: () => unknown) => {
  try {
    act();
    return "none";
  } catch (error) {
    return isRiskError(error) ? error.code : "other";
  }
};

describe("a policy", () => {
  it("is the balanced one where nothing is said", () => {
    expect(parsePolicy({})).toEqual(presets.balanced);
    expect(policySchema.parse(presets.strict)).toEqual(presets.strict);
  });

  it.each([
    ["an unknown key", { colour: "red" }],
    ["a threshold beyond the score", { thresholds: { medium: 101 } }],
    ["thresholds the wrong way round", { thresholds: { medium: 90, high: 10 } }],
    ["a weight below 0, which would reward what is new", { core: { ip: -1 } }],
    ["a number that is none", { prior: Number.NaN }],
    ["none", null],
  ])("refuses %s", (_name, policy) => {
    expect(code(() => parsePolicy(policy as never))).toBe("INVALID_POLICY");
    expect(code(() => assess({ profile: regular(), attempt: usual, policy: policy as never }))).toBe(
      "INVALID_POLICY",
    );
  });

  it("names the path that is wrong", () => {
    expect(() => parsePolicy({ core: { ip: -1 } })).toThrow(/core\.ip/);
  });

  it("describes every number that it has", () => {
    const schema = z.toJSONSchema(policySchema, { io: "input" }) as { properties: Record<string, unknown> };
    const undescribed: string[] = [];
    const visit = (node: unknown, path: string) => {
      const { properties, description } = node as {
        properties?: Record<string, unknown>;
        description?: string;
      };
      // Some texts get a unit behind them, which is no description by itself.
      if (path && !/^[A-Z](?=.{9})/.test(description ?? "")) undescribed.push(path);
      for (const [name, inner] of Object.entries(properties ?? {})) visit(inner, `${path}.${name}`);
    };
    visit(schema, "");
    expect(undescribed.filter((path) => path !== ".learning.levels")).toEqual([]);
  });

  it("can't be changed once it is in use", () => {
    expect(Object.isFrozen(presets.balanced.core)).toBe(true);
  });
});

describe("a policy in use", () => {
  it("is read once: the same object gives the same policy", () => {
    const policy = { core: { ip: 0.1 } };
    expect(resolvePolicy(policy)).toBe(resolvePolicy(policy));
    expect(resolvePolicy(resolvePolicy(policy))).toBe(resolvePolicy(policy));
    expect(resolvePolicy(undefined)).toBe(presets.balanced);
    for (const preset of Object.values(presets)) expect(resolvePolicy(preset)).toBe(preset);
  });

  it("can't be changed anywhere in it", () => {
    const deep = resolvePolicy({ flags: { tor: { people: 0.5 } } });
    expect(Object.isFrozen(deep.flags.tor)).toBe(true);
    expect(Object.isFrozen(deep.learning.levels)).toBe(true);
  });

  it("says every path that is wrong, and the whole where it is none", () => {
    const message = (policy: unknown) => {
      try {
        parsePolicy(policy as never);
        return "";
      } catch (error) {
        return String((error as Error).message);
      }
    };
    expect(message({ prior: 9, core: { ip: -1 } })).toMatch(/^The policy is wrong: prior: .+; core\.ip: /);
    expect(message(null)).toMatch(/^The policy is wrong: policy: /);
    expect(message({ thresholds: { medium: 9, high: 8 } })).toBe(
      "The policy is wrong: thresholds: medium must not be above high",
    );
    expect(message({ thresholds: { medium: 8, high: 8 } })).toBe("");
  });

  // Each is as documented: who is asked, and whether anybody is refused.
  it.each([
    ["balanced", "allow", "deny", 1, ["unscored", "low"]],
    ["strict", "challenge", "deny", 3, ["low"]],
    ["relaxed", "allow", "challenge", 1, ["unscored", "low", "medium"]],
  ] as const)("%s", (name, unscored, high, minimumLogins, levels) => {
    const { actions, learning, ...preset } = presets[name];
    expect(actions).toEqual({ unscored, low: "allow", medium: "challenge", high });
    expect([preset.minimumLogins, learning.levels]).toEqual([minimumLogins, levels]);
  });

  it("of a stricter preset asks earlier", () => {
    const medium = (name: keyof typeof presets) => presets[name].thresholds.medium;
    expect(medium("strict")).toBeLessThan(medium("balanced"));
    expect(medium("balanced")).toBeLessThan(medium("relaxed"));
  });

  it.each<[object, boolean]>([
    [{ prior: -15 }, true],
    [{ prior: 5 }, true],
    [{ prior: -15.1 }, false],
    [{ prior: 5.1 }, false],
    [{ thresholds: { medium: 0, high: 100 } }, true],
    [{ thresholds: { high: 100.1 } }, false],
    [{ thresholds: { medium: -0.1 } }, false],
    [{ minimumLogins: 0 }, false],
    [{ minimumLogins: 1_000 }, true],
    [{ minimumLogins: 1_001 }, false],
    [{ minimumLogins: 1.5 }, false],
    [{ learning: { halfLifeDays: 1 } }, true],
    [{ learning: { halfLifeDays: 0.9 } }, false],
    [{ learning: { halfLifeDays: 3_651 } }, false],
    [{ learning: { levels: ["none"] } }, false],
    [{ actions: { high: "forgive" } }, false],
    [{ core: { bound: 10 } }, true],
    [{ core: { bound: 10.1 } }, false],
    [{ core: { concentration: 0.009 } }, false],
    [{ core: { concentration: 101 } }, false],
    [{ core: { ip: 5 } }, true],
    [{ core: { ip: 5.1 } }, false],
    [{ flags: { tor: { attackers: 0.0001, people: 1 } } }, true],
    [{ flags: { tor: { attackers: 0 } } }, false],
    [{ flags: { tor: { people: 1.1 } } }, false],
    [{ travel: { maxKmPerHour: 0 } }, false],
    [{ travel: { maxKmPerHour: 1e9 } }, true],
    [{ travel: { maxKmPerHour: 2e9 } }, false],
    [{ failures: { perUser: 0 } }, true],
    [{ failures: { perUser: 101 } }, false],
    [{ failures: { perUser: -1 } }, false],
    [{ leakedPassword: -0.1 }, false],
  ])("%j is taken: %s", (policy, expected) => {
    expect(code(() => parsePolicy(policy as never))).toBe(expected ? "none" : "INVALID_POLICY");
  });
});

describe("calibrate", () => {
  const assessments = Array.from({ length: 1_000 }, (_, index) => ({ score: index / 10 }));

  it("finds the thresholds at which the wanted share is asked", () => {
    const { thresholds, challengeRate, highRate, scored } = calibrate(assessments, { challengeRate: 0.05 });
    expect({ challengeRate, highRate, scored }).toEqual({
      challengeRate: 0.05,
      highRate: 0.005,
      scored: 1_000,
    });
    expect(code(() => parsePolicy({ thresholds }))).toBe("none");
  });

  it("never passes a target where many have the same score", () => {
    const same = Array.from({ length: 200 }, (_, index) => ({ score: index < 100 ? 50 : 1 }));
    const { thresholds, challengeRate } = calibrate(same, { challengeRate: 0.2 });
    expect(thresholds.medium).toBe(100);
    expect(challengeRate).toBe(0);
  });

  it("leaves out what has no score, and refuses too few", () => {
    const mixed = [...assessments, ...Array.from({ length: 50 }, () => ({ score: null }))];
    expect(calibrate(mixed, { challengeRate: 0.1 }).scored).toBe(1_000);
    expect(code(() => calibrate(assessments.slice(0, 99), { challengeRate: 0.1 }))).toBe(
      "TOO_FEW_ASSESSMENTS",
    );
  });

  it.each([{ challengeRate: 2 }, { challengeRate: Number.NaN }, { challengeRate: 0.1, highRate: 0.2 }])(
    "refuses %j",
    (targets) => {
      expect(code(() => calibrate(assessments, targets))).toBe("INVALID_TARGETS");
    },
  );
});
