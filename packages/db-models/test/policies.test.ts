import { describe, expect, it } from "vitest";
import { parseInput } from "../src/core/input.js";
import { type IdentityPoliciesInput, identityPoliciesSchema } from "../src/core/policies/identity.js";
import {
  type LoginDefencePolicyInput,
  loginDefencePolicySchema,
  rulesOf,
} from "../src/core/policies/login-defence.js";
import { type OAuthPolicyInput, oauthPolicySchema } from "../src/core/policies/oauth.js";
import {
  maxLifetimeMs,
  type OneTimeTokenPolicyInput,
  oneTimeTokenPolicySchema,
} from "../src/core/policies/one-time.js";
import { expiryFrom } from "../src/oauth/expiry.js";
import { expiryAfterUse, sessionPolicyOf } from "../src/sessions/policy.js";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const now = new Date("2026-01-01T00:00:00Z");
const after = (ms: number) => new Date(now.getTime() + ms);

const policiesOf = (input: IdentityPoliciesInput) => parseInput(identityPoliciesSchema, input);
const oauthPolicyOf = (oauth: OAuthPolicyInput = {}) => policiesOf({ oauth }).oauth;
const oneTimeTokenPolicyOf = (oneTimeTokens: OneTimeTokenPolicyInput) =>
  policiesOf({ oneTimeTokens }).oneTimeTokens;
const loginDefencePolicyOf = (logins: LoginDefencePolicyInput = {}) => policiesOf({ logins }).logins;

const refusal = (path: string, message = "") =>
  expect.objectContaining({
    code: "INVALID_INPUT",
    message: expect.stringMatching(new RegExp(`${path}.*${message}`)),
  });

describe("sessions", () => {
  it("keep an ended session for as long as the database keeps sessions, unless told otherwise", () => {
    expect(sessionPolicyOf({ policies: policiesOf({}) }).retentionMs).toBe(30 * day);
    expect(sessionPolicyOf({ policies: policiesOf({ retention: { sessionsMs: 5 } }) })).toEqual({
      touchIntervalMs: minute,
      rotationGraceMs: 30 * second,
      retentionMs: 5,
    });
  });

  it.each([
    ["a moment of use keeps it for the idle time", 10 * day, hour],
    ["its absolute end comes first", 20 * minute, 20 * minute],
  ])("%s", (_what, absoluteMs, idleMs) => {
    const session = { idleTimeoutMs: hour, absoluteExpiresAt: after(absoluteMs) };
    const policy = sessionPolicyOf({ policies: policiesOf({ retention: { sessionsMs: day } }) });
    expect(expiryAfterUse(session, now, policy)).toEqual({
      idleExpiresAt: after(idleMs),
      // The midnight after the retention.
      purgeAt: new Date(Math.ceil(after(idleMs + day).getTime() / day) * day),
    });
  });
});

describe("OAuth", () => {
  it.each([
    ["idle first", 90 * day, 30 * day],
    ["its absolute end first", 7 * day, 7 * day],
  ])(
    "an authorization ends: %s; its record is kept for the retention of tokens",
    (_what, absoluteMs, endMs) => {
      const policies = policiesOf({ retention: { tokensMs: 2 * day } });
      expect(expiryFrom({ policies, now }, 30 * day, after(absoluteMs))).toEqual({
        expiresAt: after(endMs),
        purgeAt: after(endMs + 2 * day),
      });
    },
  );

  it("keeps a refresh token good for half a minute after its rotation", () => {
    expect(oauthPolicyOf().rotationGraceMs).toBe(30 * second);
  });

  it.each([
    [{ codeLifetimeMs: second - 1 }, "codeLifetimeMs"],
    [{ codeLifetimeMs: 10 * minute + 1 }, "codeLifetimeMs"],
    [{ accessTokenLifetimeMs: minute - 1 }, "accessTokenLifetimeMs"],
    [{ accessTokenLifetimeMs: day + 1 }, "accessTokenLifetimeMs"],
    [{ refreshIdleMs: 365 * day + 1, refreshLifetimeMs: 400 * day }, "refreshIdleMs"],
    [{ refreshLifetimeMs: 3_650 * day + 1 }, "refreshLifetimeMs"],
    [{ rotationGraceMs: -1 }, "rotationGraceMs"],
    [{ rotationGraceMs: 5 * minute + 1 }, "rotationGraceMs"],
    [{ rotationGraceMs: 0.5 }, "rotationGraceMs"],
  ])("refuses %j and names the option", (policy, path) => {
    expect(() => oauthPolicyOf(policy)).toThrow(refusal(path));
  });

  it("takes lives that are equal, and says of others which must be at least which", () => {
    const equal = { accessTokenLifetimeMs: hour, refreshIdleMs: hour, refreshLifetimeMs: hour };
    expect(oauthPolicyOf(equal)).toMatchObject(equal);
    const least = { codeLifetimeMs: second, accessTokenLifetimeMs: minute, rotationGraceMs: 0 };
    expect(oauthPolicyOf({ rotationGraceMs: 5 * minute })).toMatchObject({ rotationGraceMs: 5 * minute });
    expect(oauthPolicyOf(least)).toMatchObject(least);
    expect(() => oauthPolicyOf({ ...equal, refreshIdleMs: hour - 1 })).toThrow(
      refusal("refreshIdleMs", "must be at least accessTokenLifetimeMs"),
    );
    expect(() => oauthPolicyOf({ ...equal, refreshLifetimeMs: hour - 1 })).toThrow(
      refusal("refreshLifetimeMs", "must be at least refreshIdleMs"),
    );
  });
});

describe("one-time tokens", () => {
  it.each<[object, string]>([
    [{ passwordResetLifetimeMs: maxLifetimeMs.passwordReset + 1 }, "passwordResetLifetimeMs"],
    [{ passwordResetLifetimeMs: minute - 1, messageWindowMs: minute }, "passwordResetLifetimeMs"],
    [{ emailVerificationLifetimeMs: maxLifetimeMs.emailVerification + 1 }, "emailVerificationLifetimeMs"],
    [{ messageWindowMs: minute - 1 }, "messageWindowMs"],
    [{ messageWindowMs: day + 1, passwordResetLifetimeMs: day }, "messageWindowMs"],
    [{ emailChangeLifetimeMs: maxLifetimeMs.emailChange + 1 }, "emailChangeLifetimeMs"],
    [{ emailUndoLifetimeMs: maxLifetimeMs.emailUndo + 1 }, "emailUndoLifetimeMs"],
    [{ emailUndoLifetimeMs: hour }, "emailUndoLifetimeMs"],
    [{ maxMessages: 0 }, "maxMessages"],
    [{ maxMessages: 1_000_000 }, "maxMessages"],
    [{ lifetimeMs: hour }, "lifetimeMs"],
  ])("refuse %j and name the option", (policy, path) => {
    expect(() => oneTimeTokenPolicyOf(policy as OneTimeTokenPolicyInput)).toThrow(refusal(path));
  });

  // Or a stranger's requests could leave the owner without a good token.
  it("count messages in a time that no token outlives", () => {
    const equal = { passwordResetLifetimeMs: hour, messageWindowMs: hour };
    expect(oneTimeTokenPolicyOf({ ...equal, maxMessages: 1 })).toMatchObject(equal);
    expect(() => oneTimeTokenPolicyOf({ passwordResetLifetimeMs: minute, messageWindowMs: hour })).toThrow(
      refusal("messageWindowMs", "must be at most the life of each token"),
    );
    expect(() => oneTimeTokenPolicyOf({ emailVerificationLifetimeMs: minute })).toThrow(
      refusal("messageWindowMs", "must be at most the life of each token"),
    );
  });
});

describe("login defence", () => {
  const delays = { firstDelayMs: second, maxDelayMs: 16 * second };
  const counters = {
    account: { free: 5, challengeAfter: 7, forgetMs: hour },
    device: { free: 10, challengeAfter: 50, forgetMs: minute },
    network: { free: 40, challengeAfter: 60, forgetMs: 10 * minute },
  };
  const shared = () =>
    loginDefencePolicyOf({ ...counters, ...delays, sharedNetworks: ["192.0.2.0/24"], sharedFactor: 10 });

  // Four doublings from 1 s to 16 s. Counting goes on to the longest delay, or to one beyond the challenge.
  it.each([
    ["account", { free: 5, challengeAfter: 7, forgetMs: hour, cap: 9 }],
    ["device", { free: 10, challengeAfter: 50, forgetMs: minute, cap: 51 }],
    ["network", { free: 40, challengeAfter: 60, forgetMs: 10 * minute, cap: 61 }],
  ] as const)("the counter of the %s goes by its own rules", (counter, rules) => {
    expect(rulesOf(shared(), counter, "198.51.100.1")).toEqual({ ...delays, ...rules });
  });

  it("gives a network of many people more, and none of the other counters", () => {
    const rules = { free: 400, challengeAfter: 600, forgetMs: minute, cap: 601 };
    // Here the delay's doublings decide, not the challenge.
    const early = loginDefencePolicyOf({ ...shared(), network: { ...counters.network, challengeAfter: 1 } });
    expect(rulesOf(early, "network", "192.0.2.9").cap).toBe(404);
    expect(rulesOf(shared(), "network", "192.0.2.9")).toEqual({ ...delays, ...rules });
    expect(rulesOf(shared(), "network", "::ffff:192.0.2.9")).toEqual({ ...delays, ...rules });
    expect(rulesOf(shared(), "account", "192.0.2.9")).toMatchObject({ free: 5 });
    expect(rulesOf(shared(), "device", "192.0.2.9")).toMatchObject({ free: 10 });
  });

  // The reference gives these as the defaults; a service that sets nothing relies on them.
  it("has defaults in a sensible order: strangers are slowed first, a known device later, a network last", () => {
    const { account, device, network, sharedNetworks, knownDeviceMs } = loginDefencePolicyOf();
    expect(account.free).toBeLessThan(device.free);
    expect(device.free).toBeLessThan(network.free);
    for (const { free, challengeAfter } of [account, device, network]) {
      expect(free).toBeLessThan(challengeAfter);
    }
    expect([account, device, network].map(({ forgetMs }) => forgetMs)).toEqual([
      hour,
      10 * minute,
      2 * minute,
    ]);
    expect(sharedNetworks).toEqual([]);
    expect(knownDeviceMs).toBe(90 * day);
  });

  it("takes no network for one of many people unless it is listed", () => {
    const none = loginDefencePolicyOf({ ...counters, sharedFactor: 10 });
    expect(rulesOf(none, "network", "192.0.2.9").free).toBe(40);
    expect(rulesOf(shared(), "network").free).toBe(40);
  });

  it.each<[object, string]>([
    [{ account: { free: 0 } }, "free"],
    [{ device: { challengeAfter: 100_001 } }, "challengeAfter"],
    [{ network: { forgetMs: 30 * day + 1 } }, "forgetMs"],
    [{ network: { forgetMs: second - 1 } }, "forgetMs"],
    [{ account: { freee: 1 } }, "freee"],
    [{ firstDelayMs: 0 }, "firstDelayMs"],
    [{ firstDelayMs: hour + 1, maxDelayMs: day }, "firstDelayMs"],
    [{ maxDelayMs: day + 1 }, "maxDelayMs"],
    [{ maxDelayMs: 999 }, "maxDelayMs"],
    [{ sharedNetworks: ["192.0.2.0/33"] }, "sharedNetworks"],
    [{ sharedNetworks: Array(1_001).fill("192.0.2.0/24") }, "sharedNetworks"],
    [{ sharedFactor: 0 }, "sharedFactor"],
    [{ sharedFactor: 1_001 }, "sharedFactor"],
    [{ knownDeviceMs: day - 1 }, "knownDeviceMs"],
    [{ knownDeviceMs: 400 * day + 1 }, "knownDeviceMs"],
  ])("refuses %j and names the option", (policy, path) => {
    expect(() => loginDefencePolicyOf(policy as LoginDefencePolicyInput)).toThrow(refusal(path));
  });

  it("takes the bounds themselves", () => {
    const least = { firstDelayMs: 1, maxDelayMs: 1, sharedFactor: 1, knownDeviceMs: day };
    expect(loginDefencePolicyOf(least)).toMatchObject(least);
    const most = { firstDelayMs: hour, maxDelayMs: day, sharedFactor: 1_000, knownDeviceMs: 400 * day };
    expect(loginDefencePolicyOf(most)).toMatchObject(most);
    expect(() => loginDefencePolicyOf({ firstDelayMs: 2, maxDelayMs: 1 })).toThrow(
      refusal("maxDelayMs", "must be at least firstDelayMs"),
    );
  });
});

// The reference and the help of the command line are made of these: an option without a text would be blank there.
describe.each([
  ["OAuth", oauthPolicySchema],
  ["one-time tokens", oneTimeTokenPolicySchema],
  ["login defence", loginDefencePolicySchema],
])("%s", (_name, schema) => {
  it("describes every option, and the unit of every time", () => {
    for (const [name, option] of Object.entries(schema.shape)) {
      expect(option.description, name).toMatch(/^[A-Z].{10,}/);
      if (name.endsWith("Ms")) expect(option.description, name).toMatch(/[a-z].*, in milliseconds$/);
    }
  });
});

it("describes what each counter of the login defence counts", () => {
  const { account } = loginDefencePolicySchema.shape;
  for (const [name, option] of Object.entries(account.unwrap().shape)) {
    expect(option.description, name).toMatch(/^[A-Z].{10,}/);
  }
});
