import { describe, expect, it } from "vitest";
import { emptyProfile, learn, type Profile, presets, readProfile } from "../src/index.js";
import { chrome, day, now, regular, usual } from "./support.js";

const seen = (profile: Profile, level: keyof Profile["levels"]) =>
  Object.fromEntries(profile.levels[level].values);

describe("what may be learnt", () => {
  it.each([
    ["low risk", { level: "low" }, true],
    ["the first sign-in", { level: "unscored" }, true],
    ["medium risk", { level: "medium" }, false],
    ["medium risk after a second factor", { level: "medium", confirmed: true }, true],
    ["high risk", { level: "high" }, false],
    ["an imported history", {}, true],
    ["the first sign-in, under a strict policy", { level: "unscored", policy: presets.strict }, false],
  ] as const)("%s: %j", (_name, input, learnt) => {
    const profile = regular(3);
    const after = learn({ profile, attempt: usual, ...input });
    expect(after === profile).toBe(!learnt);
    expect(after.learned).toBe(learnt ? 4 : 3);
  });
});

describe("a profile", () => {
  it("is a new one each time, and the old one stays as it is", () => {
    const profile = regular(3);
    const text = JSON.stringify(profile);
    learn({ profile, attempt: { ...usual, ip: "203.0.113.5" } });
    expect(JSON.stringify(profile)).toBe(text);
  });

  it("forgets by half in the half-life", () => {
    const once = learn({ profile: null, attempt: usual });
    const later = learn({ profile: once, attempt: { ...usual, ip: "203.0.113.5", at: now + 120 * day } });
    expect(seen(later, "ip")).toEqual({ "198.51.100.7": 0.5, "203.0.113.5": 1 });
    expect(later.weight).toBe(1.5);
  });

  it("takes a sign-in that comes late for what is left of it", () => {
    const late = learn({
      profile: regular(1),
      attempt: { ...usual, ip: "203.0.113.5", at: now - 121 * day },
    });
    expect(seen(late, "ip")["203.0.113.5"]).toBe(0.5);
    expect(late.at).toBe(now - day);
    expect(late.place).toEqual(regular(1).place);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1e300, undefined])("learns nothing at the time %s", (at) => {
    const profile = regular(2);
    expect(learn({ profile, attempt: { ...usual, at: at as number } })).toBe(profile);
  });

  it("lets a new value in when it is full of settled ones", () => {
    let profile = emptyProfile();
    for (let index = 0; index < 60; index++) {
      profile = learn({ profile, attempt: { ...usual, ip: `198.51.${index % 12}.1` } });
    }
    const after = learn({ profile, attempt: { ...usual, ip: "203.0.113.5" } });
    expect(seen(after, "ip")["203.0.113.5"]).toBe(1);
    expect(after.levels.ip.values).toHaveLength(12);
  });

  it("keeps what a dropped version of a browser has counted in the next one", () => {
    let profile = emptyProfile();
    for (let major = 100; major < 140; major++) {
      profile = learn({ profile, attempt: { ...usual, userAgent: chrome(major) } });
    }
    const total = profile.levels.browser.values.reduce((sum, [, weight]) => sum + weight, 0);
    expect(profile.levels.browser.values.length).toBe(12);
    expect(total).toBe(40);
  });
});

describe("a stored profile", () => {
  const good = JSON.parse(JSON.stringify(regular(3)));

  it.each([
    ["as it was", good, "ok"],
    ["not there", null, "missing"],
    ["of a version to come", { ...good, version: 2 }, "outdated"],
    ["with a field of another kind", { ...good, weight: "much" }, "corrupt"],
    ["with a number that is none", { ...good, weight: Number.NaN }, "corrupt"],
    ["without its levels", { version: 1 }, "corrupt"],
    ["a text", "profile", "corrupt"],
    ["a list", [], "corrupt"],
    ["with directions beyond all sign-ins", { ...good, hours: { cos: -1e308, sin: 0, total: 1 } }, "corrupt"],
    ["too long", { ...good, devices: new Array(1_000).fill(["x", 1]) }, "corrupt"],
  ])("%s", (_name, stored, status) => {
    const read = readProfile(stored);
    expect(read.status).toBe(status);
    expect(read.profile).toEqual(status === "ok" ? good : emptyProfile());
  });
});
