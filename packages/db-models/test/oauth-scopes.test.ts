import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { limits } from "../src/core/limits.js";
import {
  canonicalScopes,
  intersectScopes,
  isScope,
  parseAskedScopes,
  scopesSchema,
} from "../src/core/scopes.js";
import { formatScopes, grantsEveryScope, grantsScope, parseScopes } from "../src/index.js";

// Few segments, so that scopes often contain each other.
const segment = fc.constantFrom("a", "b", "repo");
const scope = fc
  .tuple(fc.array(segment, { maxLength: 3 }), fc.oneof({ weight: 4, arbitrary: segment }, fc.constant("*")))
  .map(([before, last]) => [...before, last].join(":"));
const scopes = fc.array(scope, { maxLength: 8 });

describe("isScope", () => {
  it.each([
    "repo",
    "repo:read",
    "repo:*",
    "*",
    "a:b:c:*",
    "https://example.com/scope",
    "!#[]~",
    "x".repeat(limits.scope),
  ])("takes %s", (value) => {
    expect(isScope(value)).toBe(true);
  });

  it.each([
    "",
    ":",
    "repo:",
    ":read",
    "repo::read",
    "repo:*:read",
    "*:read",
    "re*",
    "repo:re*",
    "**",
    "a b",
    'a"b',
    "a\\b",
    "a\tb",
    "a\n",
    "é",
    "\u0000",
    "x".repeat(limits.scope + 1),
  ])("refuses %j", (value) => {
    expect(isScope(value)).toBe(false);
    expect(grantsScope(["*", value], value)).toBe(false);
  });

  it("refuses what is no text", () => {
    for (const value of [undefined, null, 1, {}, { $ne: "" }, ["repo"]]) expect(isScope(value)).toBe(false);
  });
});

describe("parseScopes", () => {
  it("reads a parameter into its canonical form, and writes it again", () => {
    expect(parseScopes("")).toEqual([]);
    expect(parseScopes("repo:read profile repo profile")).toEqual(["profile", "repo"]);
    expect(formatScopes(parseScopes("b a"))).toBe("a b");
  });

  const tooMany = Array.from({ length: limits.scopes + 1 }, (_, index) => `scope${index}`);
  it.each([" ", "a  b", " a", "a ", "a\tb", "a,b c:", tooMany.join(" "), "x ".repeat(1e6)])(
    "refuses %.20j",
    (value) => {
      expect(() => parseScopes(value)).toThrow(expect.objectContaining({ code: "INVALID_SCOPE" }));
    },
  );

  it("takes as many as are allowed, each as long as allowed", () => {
    const longest = Array.from({ length: limits.scopes }, (_, index) => `${index}`.padEnd(limits.scope, "x"));
    expect(parseScopes(longest.join(" "))).toHaveLength(limits.scopes);
  });

  it("whatever the text: gives scopes or refuses", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        try {
          expect(parseScopes(text).every(isScope)).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: "INVALID_SCOPE" });
        }
      }),
    );
  });
});

describe("parseAskedScopes", () => {
  // Source: public reports opengist#775, cryptpad/sso#19.
  it("passes over needless spaces", () => {
    expect(parseAskedScopes(" openid  email ")).toEqual(["email", "openid"]);
    expect(parseAskedScopes("   ")).toEqual([]);
  });

  it.each(["a\tb", `a ${"x".repeat(limits.scope + 1)}`, "x ".repeat(1e6), " ".repeat(1e6)])(
    "refuses %.20j as parseScopes does",
    (value) => {
      expect(() => parseAskedScopes(value)).toThrow(expect.objectContaining({ code: "INVALID_SCOPE" }));
    },
  );
});

describe("scopesSchema", () => {
  it("refuses what is no scope, and too many; gives the canonical form", () => {
    expect(scopesSchema.parse(["repo:read", "repo"])).toEqual(["repo"]);
    expect(scopesSchema.safeParse(["repo read"]).success).toBe(false);
    expect(scopesSchema.safeParse([{ $ne: "" }]).success).toBe(false);
    expect(scopesSchema.safeParse(Array(limits.scopes + 1).fill("repo")).success).toBe(false);
  });
});

// A client that is refused reads these, and forms are made of the JSON Schema.
it("says what a scope is, to people and to programs", () => {
  expect(scopesSchema.safeParse(["repo read"]).error?.issues[0]?.message).toMatch(/scope such as repo:read/);
  expect(() => parseScopes("a  b")).toThrow(/malformed, or too long/);
  expect(scopesSchema.description).toMatch(/repo contains repo:read/);
  const { items } = z.toJSONSchema(scopesSchema, { io: "input" }) as { items: { pattern: string } };
  expect(new RegExp(items.pattern).test("repo:read")).toBe(true);
  expect(new RegExp(items.pattern).test("repo read")).toBe(false);
});

describe("grantsScope", () => {
  it.each([
    [["repo"], "repo", true],
    [["repo"], "repo:read", true],
    [["repo"], "repo:issues:read", true],
    [["repo"], "repo:*", true],
    [["repo:*"], "repo:read", true],
    [["repo:*"], "repo:issues:read", true],
    [["repo:*"], "repo:issues:*", true],
    [["repo:*"], "repo:*", true],
    [["*"], "repo:read", true],
    [["*"], "*", true],
    // OpenID Connect Core sections 3.1.2.1 and 11: they change what the request is.
    [["*"], "openid", false],
    [["*", "repo"], "offline_access", false],
    [["openid", "*"], "openid", true],
    [["offline_access"], "offline_access", true],
    [["profile", "repo:read"], "repo:read", true],
    [["repo:*"], "repo", false],
    [["repo:read"], "repo", false],
    [["repo:read", "repo:write"], "repo:*", false],
    [["repo"], "repository", false],
    [["repo:*"], "repository:read", false],
    [["repo"], "*", false],
    [["*:read"], "repo:read", false],
    [["repo:read"], "repo:READ", false],
    [[""], "repo", false],
    [[], "repo", false],
  ])("%j, required %s: %s", (granted, required, expected) => {
    expect(grantsScope(granted, required)).toBe(expected);
  });

  it("is an order: everything contains itself, and containing passes on", () => {
    fc.assert(
      fc.property(scope, scope, scope, (a, b, c) => {
        expect(grantsScope([a], a)).toBe(true);
        if (grantsScope([a], b) && grantsScope([b], c)) expect(grantsScope([a], c)).toBe(true);
        if (grantsScope([a], b) && grantsScope([b], a)) expect(a).toBe(b);
      }),
    );
  });

  it("a longer list grants no less", () => {
    fc.assert(
      fc.property(scopes, scopes, scope, (granted, more, required) => {
        if (grantsScope(granted, required)) expect(grantsScope([...more, ...granted], required)).toBe(true);
      }),
    );
  });
});

it("grants several scopes when it grants each, and none always", () => {
  expect(grantsEveryScope(["repo", "profile"], ["repo:read", "profile"])).toBe(true);
  expect(grantsEveryScope(["repo"], ["repo:read", "profile"])).toBe(false);
  expect(grantsEveryScope([], [])).toBe(true);
});

describe("canonicalScopes", () => {
  it("grants what the list grants, whatever its order, and is as short as can be", () => {
    fc.assert(
      fc.property(scopes, scope, (list, required) => {
        const canonical = canonicalScopes(list);
        expect(grantsScope(canonical, required)).toBe(grantsScope(list, required));
        expect(canonicalScopes([...list].reverse())).toEqual(canonical);
        for (const one of canonical) {
          expect(
            grantsScope(
              canonical.filter((other) => other !== one),
              one,
            ),
          ).toBe(false);
        }
      }),
    );
  });

  it("is equal exactly for lists that grant the same", () => {
    fc.assert(
      fc.property(scopes, scopes, (left, right) => {
        const same = grantsEveryScope(left, right) && grantsEveryScope(right, left);
        expect(JSON.stringify(canonicalScopes(left)) === JSON.stringify(canonicalScopes(right))).toBe(same);
      }),
    );
  });
});

describe("intersectScopes", () => {
  it.each([
    [["repo"], ["repo:read", "profile"], ["repo:read"]],
    [["repo:*"], ["repo"], ["repo:*"]],
    [["*"], ["profile", "repo"], ["profile", "repo"]],
    [["repo:read"], ["repo:write"], []],
  ])("%j and %j have %j in common", (left, right, expected) => {
    expect(intersectScopes(left, right)).toEqual(expected);
    expect(intersectScopes(right, left)).toEqual(expected);
  });

  it("grants exactly what both grant", () => {
    fc.assert(
      fc.property(scopes, scopes, scope, (left, right, required) => {
        const both = grantsScope(left, required) && grantsScope(right, required);
        expect(grantsScope(intersectScopes(left, right), required)).toBe(both);
      }),
    );
  });
});
