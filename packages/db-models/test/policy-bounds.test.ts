// The bounds and defaults of every policy, as the guides and standards give them: a change of one is a change of what a
// service that sets nothing does.
import mongoose, { type Model } from "mongoose";
import { afterAll, describe, expect, it } from "vitest";
import { parseInput } from "../src/core/input.js";
import { type FactorPolicyInput, factorPolicySchema, factorRules } from "../src/core/policies/factors.js";
import { identityPoliciesSchema } from "../src/core/policies/identity.js";
import { oauthPolicySchema } from "../src/core/policies/oauth.js";
import { oneTimeTokenPolicySchema } from "../src/core/policies/one-time.js";
import { passwordPolicySchema } from "../src/core/policies/passwords.js";
import { defaultRetention, retentionRules, retentionSchema } from "../src/core/policies/retention.js";
import { sessionPolicySchema } from "../src/core/policies/sessions.js";
import { modelsOf } from "../src/schemas/models.js";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const century = 36_500 * day;

interface Setting {
  safeParse(value: unknown): { success: boolean; data?: unknown };
}
const groups: Record<string, Record<string, unknown>> = {
  sessions: sessionPolicySchema.shape,
  oauth: oauthPolicySchema.shape,
  oneTimeTokens: oneTimeTokenPolicySchema.shape,
  passwords: passwordPolicySchema.shape,
  factors: factorPolicySchema.shape,
  retention: retentionSchema.shape,
};

/** Setting, least, default, most. */
const bounds: [path: string, least: number, byDefault: number, most: number][] = [
  ["sessions.touchIntervalMs", 0, minute, day],
  ["sessions.rotationGraceMs", 0, 30 * second, 5 * minute],
  ["oauth.codeLifetimeMs", second, minute, 10 * minute],
  ["oauth.accessTokenLifetimeMs", minute, hour, day],
  ["oauth.refreshIdleMs", minute, 30 * day, 365 * day],
  ["oauth.refreshLifetimeMs", minute, 90 * day, 3_650 * day],
  ["oauth.rotationGraceMs", 0, 30 * second, 5 * minute],
  ["oauth.requestLifetimeMs", 5 * second, 10 * minute, hour],
  ["oauth.pushedRequestLifetimeMs", 5 * second, minute, 10 * minute],
  ["oauth.deviceCodeLifetimeMs", minute, 10 * minute, hour],
  ["oauth.devicePollIntervalMs", second, 5 * second, minute],
  ["oauth.signingKeyLifetimeMs", day, 90 * day, 3_650 * day],
  ["oauth.signingKeyLeadMs", 20 * minute, day, 30 * day],
  // Longer than the longest access token, a day.
  ["oauth.signingKeyRetirementMs", 25 * hour, 30 * day, 365 * day],
  ["oneTimeTokens.passwordResetLifetimeMs", minute, hour, day],
  ["oneTimeTokens.emailVerificationLifetimeMs", minute, day, 7 * day],
  ["oneTimeTokens.emailChangeLifetimeMs", minute, day, 7 * day],
  ["oneTimeTokens.emailUndoLifetimeMs", minute, 7 * day, 30 * day],
  ["oneTimeTokens.signInReportLifetimeMs", minute, 7 * day, 30 * day],
  ["oneTimeTokens.maxMessages", 1, 5, 16],
  ["oneTimeTokens.messageWindowMs", minute, hour, day],
  ["passwords.breachedTimeoutMs", 10, 2 * second, 30 * second],
  ["factors.reauthenticationMs", minute, 5 * minute, hour],
  ["factors.enrolmentMs", minute, 10 * minute, hour],
  ["factors.passkeyCeremonyMs", minute, 5 * minute, hour],
  ["factors.rememberedDeviceMs", minute, 30 * day, 90 * day],
  ["factors.recoveryDelayMs", hour, 3 * day, 30 * day],
  ["factors.windowSteps", 0, 1, 2],
  ["factors.free", 1, 5, 20],
  ["factors.forgetMs", minute, hour, 30 * day],
  ["factors.firstDelayMs", second, 15 * second, hour],
  ["factors.maxDelayMs", second, hour, day],
  ["retention.sessionsMs", 0, 30 * day, century],
  ["retention.tokensMs", 0, 30 * day, century],
  ["retention.securityEventsMs", day, 365 * day, century],
  ["retention.hourlyUsageMs", day, 31 * day, century],
  ["retention.dailyUsageMs", day, 730 * day, century],
  ["retention.auditMs", 7 * day, 730 * day, century],
  ["retention.signInReportsMs", day, 365 * day, century],
  ["retention.bulkJobsMs", 2 * day, 90 * day, century],
  ["retention.erasuresMs", day, 1_095 * day, century],
];

function settingOf(path: string): Setting {
  const [group = "", name = ""] = path.split(".");
  return groups[group]?.[name] as Setting;
}

it.each(bounds)("%s is at least %d, by default %d, and at most %d", (path, least, byDefault, most) => {
  const setting = settingOf(path);
  const takes = (value: unknown) => setting.safeParse(value).success;
  expect([least, most].map(takes)).toEqual([true, true]);
  expect([least - 1, most + 1, least + 0.5, String(least), null].map(takes)).toEqual(Array(5).fill(false));
  expect(setting.safeParse(undefined).data).toBe(byDefault);
});

it("lists every number that can be set", () => {
  const numbers = Object.entries(groups).flatMap(([group, shape]) =>
    Object.entries(shape)
      .filter(([, setting]) => typeof (setting as Setting).safeParse(undefined).data === "number")
      .map(([name]) => `${group}.${name}`),
  );
  expect(bounds.map(([path]) => path).sort()).toEqual(numbers.sort());
});

// The reference of the configuration is made of these texts.
it("describes every group, every setting, and the unit of every time", () => {
  for (const [name, group] of Object.entries(identityPoliciesSchema.shape)) {
    expect(group.description, name).toMatch(/^[A-Z]\w+/);
  }
  for (const [name, setting] of Object.entries(groups).flatMap(([, shape]) => Object.entries(shape))) {
    const { description } = setting as { description?: string };
    expect(description, name).toMatch(/^[A-Z].{7,}/);
    if (name.endsWith("Ms"))
      expect(description, name).toMatch(/[a-z].*, in milliseconds$|, in milliseconds;/);
  }
});

it("refuses a setting that there is not, in every group", () => {
  for (const group of Object.keys(identityPoliciesSchema.shape)) {
    expect(() => parseInput(identityPoliciesSchema, { [group]: { nothing: 1 } })).toThrow(/nothing/);
  }
});

describe("passwords", () => {
  const words = (list: unknown) => passwordPolicySchema.shape.words.safeParse(list).success;

  it("take at most 1,000 words, and none by default", () => {
    expect(passwordPolicySchema.parse({}).words).toEqual([]);
    expect(words(Array(1_000).fill("acme"))).toBe(true);
    expect(words(Array(1_001).fill("acme"))).toBe(false);
    expect(words([""])).toBe(false);
    expect(words(["a".repeat(64)])).toBe(true);
    expect(words(["a".repeat(65)])).toBe(false);
  });
});

describe("factors", () => {
  const policyOf = (input: FactorPolicyInput) => factorPolicySchema.safeParse(input);
  const passkeys = (rpId: string, ...origins: string[]) => policyOf({ passkeys: { rpId, origins } });
  const problemOf = (result: ReturnType<typeof policyOf>) => result.error?.issues[0]?.message;

  it("has an issuer that an authenticator app can show", () => {
    expect(factorPolicySchema.parse({}).issuer).toBe("Identity");
    expect(policyOf({ issuer: "a".repeat(64) }).success).toBe(true);
    expect(policyOf({ issuer: "a".repeat(65) }).success).toBe(false);
    // A colon parts the issuer from the account in the label of a key URI.
    expect(problemOf(policyOf({ issuer: "Acme: Notes" }))).toBe("must not contain a colon");
  });

  it("delays at first no longer than at last", () => {
    expect(policyOf({ firstDelayMs: minute, maxDelayMs: minute }).success).toBe(true);
    const result = policyOf({ firstDelayMs: minute, maxDelayMs: minute - 1 });
    expect([problemOf(result), result.error?.issues[0]?.path]).toEqual([
      "must be at least firstDelayMs",
      ["maxDelayMs"],
    ]);
  });

  it.each([
    ["the defaults: 8 doublings from 15 s to an hour", {}, 13],
    ["no doubling", { free: 3, firstDelayMs: minute, maxDelayMs: minute }, 3],
    ["one that does not come out even", { free: 1, firstDelayMs: second, maxDelayMs: 5 * second }, 4],
  ])("count wrong codes up to the longest delay: %s", (_what, input, cap) => {
    const policy = factorPolicySchema.parse(input);
    const { free, forgetMs, firstDelayMs, maxDelayMs } = policy;
    expect(factorRules(policy)).toEqual({
      free,
      forgetMs,
      firstDelayMs,
      maxDelayMs,
      cap,
      challengeAfter: cap,
    });
  });

  it.each([
    "example.com",
    "a.b-c.example",
    "localhost",
    "xn--bcher-kva.example",
    `${"a".repeat(63)}.example`,
  ])("takes %s as the domain of passkeys", (rpId) => {
    expect(passkeys(rpId, "https://example.com").success).toBe(true);
  });

  it.each([
    "",
    "Example.com",
    "https://example.com",
    "example.com:443",
    "example.com.",
    "-a.example",
    "a-.example",
    "a..example",
    "192.0.2.1",
    `${"a".repeat(64)}.example`,
    `${"a.".repeat(126)}aa`,
    "example.com\nx",
    "*.example.com",
  ])("refuses %j as the domain of passkeys", (rpId) => {
    expect(problemOf(passkeys(rpId, "https://example.com"))).toBe(
      "must be a domain in lower case, without scheme and port",
    );
  });

  it.each([
    "https://example.com",
    "https://app.example.com:8443",
    "http://localhost",
    "http://localhost:3000",
    `android:apk-key-hash:${"aA0_-".repeat(8)}abc`,
  ])("takes %s as an origin of passkeys", (origin) => {
    expect(passkeys("example.com", origin).success).toBe(true);
  });

  it.each([
    "",
    "example.com",
    "http://example.com",
    "http://127.0.0.1",
    "https://example.com/",
    "https://example.com/path",
    "https://*.example.com",
    "https://EXAMPLE.com",
    "https://example.com:443",
    "ftp://example.com",
    "ws://localhost",
    `android:apk-key-hash:${"a".repeat(42)}`,
    `android:apk-key-hash:${"a".repeat(44)}`,
    `x android:apk-key-hash:${"a".repeat(43)}`,
    "android:com.example",
  ])("refuses %j as an origin of passkeys", (origin) => {
    expect(problemOf(passkeys("example.com", origin))).toBe(
      "must be an origin, such as https://app.example.com",
    );
  });

  it("needs one origin, takes 16, and nothing beside the two settings of passkeys", () => {
    const origins = Array.from({ length: 17 }, (_, at) => `https://a${at}.example.com`);
    expect(passkeys("example.com").success).toBe(false);
    expect(passkeys("example.com", ...origins.slice(0, 16)).success).toBe(true);
    expect(passkeys("example.com", ...origins).success).toBe(false);
    expect(policyOf({ passkeys: { rpId: "example.com" } as never }).success).toBe(false);
    expect(
      policyOf({ passkeys: { rpId: "example.com", origins: ["https://example.com"], name: "x" } as never })
        .success,
    ).toBe(false);
    expect(factorPolicySchema.parse({}).passkeys).toBeUndefined();
  });

  it("describes the settings of passkeys", () => {
    const { rpId, origins } = factorPolicySchema.shape.passkeys.unwrap().shape;
    for (const { description } of [rpId, origins]) expect(description).toMatch(/^[A-Z].{10,}/);
  });
});

describe("retention", () => {
  const connection = mongoose.createConnection();
  afterAll(() => connection.close());

  it("is what a database has that was opened without one", () => {
    expect(defaultRetention).toEqual(parseInput(identityPoliciesSchema, {}).retention);
  });

  it("has a rule for each TTL index on a date of its own, with the index's field and time", () => {
    const expected = Object.values(modelsOf(connection)).flatMap((model) => {
      const { schema, collection } = model as Model<unknown>;
      return schema
        .indexes()
        .filter(([, { expireAfterSeconds }]) => expireAfterSeconds !== undefined)
        .map(([key, { expireAfterSeconds }]) => ({
          collection: collection.name,
          field: Object.keys(key).join(),
          retentionSeconds: expireAfterSeconds,
        }));
    });
    const rules = retentionRules.map(({ name: _, ...rule }) => rule);
    expect(new Set(rules)).toEqual(new Set(expected));
    expect(rules).toHaveLength(expected.length);
  });

  it("names each rule once, in words that say what goes", () => {
    const names = retentionRules.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z]+(-[a-z]+)+$/);
  });
});
