import { describe, expect, it } from "vitest";
import { z } from "zod";
import { assess, calibrate, isRiskError, parsePolicy, policySchema, presets } from "../src/index.js";
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
