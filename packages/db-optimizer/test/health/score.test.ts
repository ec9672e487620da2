import { describe, expect, it } from "vitest";
import type { Finding, FindingPart, Severity } from "../../src/core/finding.js";
import { partWeights, scoreHealth, severityCosts } from "../../src/health/rules/score.js";

describe("scoreHealth", () => {
  it("has weights that add up to 100", () => {
    expect(Object.values(partWeights).reduce((sum, weight) => sum + weight, 0)).toBe(100);
  });

  it("is 100 for no findings, and falls by each part's weight", () => {
    expect(scoreHealth([]).score).toBe(100);
    const finding = {
      code: "X",
      part: "indexes" as const,
      severity: "critical" as const,
      subject: "*",
      message: "",
      evidence: "",
    };
    const weighed = 100 - (partWeights.indexes * severityCosts.critical) / 100;
    expect(scoreHealth([finding]).score).toBe(Math.round(weighed * 0.6));
    expect(scoreHealth(Array(9).fill(finding)).score).toBe(42);
    expect(scoreHealth(Array(90).fill({ ...finding, severity: "info" })).score).toBe(94);
  });

  // A server without authentication had 97 points: its part weighs 15 of 100, and what is wrong in it may be all that matters.
  it.each([
    ["a critical finding", ["critical"], 56],
    ["a warning", ["warning"], 82],
    ["both", ["critical", "warning"], 54],
    ["a question that stayed open", ["unknown"], 100],
  ])("shows the worst severity in the whole: %s", (_what, severities, score) => {
    const findings = severities.map((severity) => ({
      code: severity === "unknown" ? "UNKNOWN" : "AUTHENTICATION_OFF",
      part: "security" as const,
      severity: severity === "unknown" ? ("warning" as const) : (severity as "critical" | "warning"),
      subject: "*",
      message: "",
      evidence: "",
    }));
    expect(scoreHealth(findings).score).toBe(score);
  });

  it("leaves out a part that could not be checked, and never takes it for good", () => {
    const unknown = scoreHealth([], new Set(["indexes"]));
    expect(unknown.score).toBe(100);
    expect(unknown.parts.find(({ part }) => part === "indexes")?.points).toBeNull();
    const none = scoreHealth([], new Set(), new Set(["queries"]));
    expect(none.parts.find(({ part }) => part === "queries")).toMatchObject({ points: null, state: "empty" });
    const all = new Set(Object.keys(partWeights)) as Set<keyof typeof partWeights>;
    expect(scoreHealth([], all).score).toBe(0);
  });

  const finding = (severity: Severity, part: FindingPart = "storage", code = "X"): Finding => ({
    code,
    part,
    severity,
    subject: "*",
    message: "",
    evidence: "",
  });
  const part = (findings: Finding[], name: FindingPart = "storage") =>
    scoreHealth(findings).parts.find((one) => one.part === name);

  it.each<[string, Finding[], number]>([
    ["information costs little", [finding("info")], 98],
    ["and at most a fifth of its part", Array(30).fill(finding("info")), 80],
    ["warnings add up", [finding("warning"), finding("warning")], 60],
    ["with what else there is", [finding("info"), finding("warning"), finding("critical")], 28],
    ["down to nothing", Array(3).fill(finding("critical")), 0],
    ["a question that stayed open costs nothing", [finding("critical", "storage", "UNKNOWN")], 100],
  ])("%s", (_what, findings, points) => {
    expect(part(findings)).toEqual({
      part: "storage",
      weight: partWeights.storage,
      points,
      state: "judged",
      findings: findings.length,
    });
    expect(part(findings, "indexes")).toMatchObject({ points: 100, findings: 0 });
  });

  it("lists every part in the order of the report, and says of which nothing is known", () => {
    const { parts } = scoreHealth([], new Set(["security"]), new Set(["security", "queries"]));
    expect(parts.map((one) => one.part)).toEqual(Object.keys(partWeights));
    const states = Object.fromEntries(parts.map(({ part: name, state }) => [name, state]));
    expect(states).toMatchObject({ security: "unknown", queries: "empty", storage: "judged" });
  });
});
