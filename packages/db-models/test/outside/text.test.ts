// Taken from public reports; each case names its source, and why the right value is right.

import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { canonicalEmail } from "../../src/core/email.js";
import { lengthOf, storableText } from "../../src/core/text.js";
import type { IdentityModels } from "../../src/index.js";
import { openSession } from "../../src/sessions/open.js";
import { incrementApiUsage } from "../../src/sessions/usage.js";
import { UsageRecorder } from "../../src/usage/recorder.js";
import { authenticateUser, registerUser } from "../../src/users/accounts.js";
import { updateProfile } from "../../src/users/settings.js";
import { contextAt } from "../context.js";
import { makeUser, useIdentityDatabase } from "../database.js";
import { now } from "../moment.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});
const password = "correct horse battery staple";
let people = 0;
const emailOf = () => `text-${people++}@example.com`;

// mastodon 1095, discourse 21331, lemmy 3436: an invisible name, or one that reverses the text after it (UAX #9
// section 2), passes for another. Joiners and marks of direction belong to names of many scripts, and stay.
describe("names that people see", () => {
  it.each(["a\u202eb", "\u2066a", "\u200b", "\u2060\u3164", "\u2800", "a\u2029b", "a\u0085b", "a\ufdd0"])(
    "%j is no name",
    async (displayName) => {
      const { _id: userId } = await makeUser(models);
      await expect(
        updateProfile(contextAt(models, now), { userId, changes: { displayName } }),
      ).rejects.toMatchObject({
        code: "INVALID_INPUT",
      });
    },
  );

  it.each([
    "\u0645\u06cc\u200c\u062e",
    "\u200f\u05d3\u05e0\u05d4",
    "\u{1f469}\u200d\u{1f4bb}",
    "\u2764\ufe0f",
  ])("%j is one", async (displayName) => {
    const { _id: userId } = await makeUser(models);
    const { profile } = await updateProfile(contextAt(models, now), { userId, changes: { displayName } });
    expect(profile.displayName).toBe(displayName);
  });
});

describe("email addresses of the world (zod 2205, zod 3073, jquery-validation 1372)", () => {
  // RFC 5890 and UTS 46: the ASCII form of a domain is the domain, so both spellings are one account.
  it.each([
    ["info@xn--mnchen-3ya.example", "info@xn--mnchen-3ya.example"],
    ["info@München.example", "info@xn--mnchen-3ya.example"],
    ["ivan@xn--80ak6aa92e.xn--p1ai", "ivan@xn--80ak6aa92e.xn--p1ai"],
    ["li@example.xn--fiqs8s", "li@example.xn--fiqs8s"],
    ["用户@例え.jp", "用户@xn--r8jz45g.jp"],
    ["x@ＥＸＡＭＰＬＥ.com", "x@example.com"],
    ["o'neil+tag@mail.example.co.uk", "o'neil+tag@mail.example.co.uk"],
    ["a&b@example.com", "a&b@example.com"],
    ["first/last@example.com", "first/last@example.com"],
    ["e\u0301@example.com", "\u00e9@example.com"],
    ["  Ada@Example.COM\t", "ada@example.com"],
  ])("%s is %s", (address, canonical) => {
    expect(canonicalEmail(address)).toBe(canonical);
  });

  // RFC 5321 section 4.1.2; what a mail program could take for two addresses, a header or a machine's address is none.
  it.each([
    "a@b",
    "a b@example.com",
    "a@example.com, b@example.com",
    "a@example.com\r\nBcc: b@example.com",
    "<a@example.com>",
    "a@@example.com",
    "a@-example.com",
    "a@example.com.",
    "a..b@example.com",
    ".a@example.com",
    "a@127.1",
    "a@[192.0.2.1]",
    '"a, b"@example.com',
    "a@ex%61mple.com",
    "a@example.com/path",
    "a@xn--a.com",
    "a\u202eb@example.com",
    "\ud800@example.com",
    `${"a".repeat(65)}@example.com`,
    `a@${"b".repeat(64)}.com`,
    "@example.com",
    "",
  ])("%j is none", (address) => {
    expect(canonicalEmail(address)).toBeUndefined();
  });

  it("a canonical address is its own canonical form", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 30 }), fc.domain(), (local, domain) => {
        const canonical = canonicalEmail(`${local}@${domain}`);
        if (canonical) expect(canonicalEmail(canonical)).toBe(canonical);
      }),
      { seed: 19, numRuns: 500 },
    );
  });

  it("who registers with one spelling signs in with the other, and nobody registers it again", async () => {
    await registerUser(contextAt(models, now), { email: "info@räucher.example", password });
    const identifier = "INFO@xn--rucher-bua.example";
    expect(await authenticateUser(contextAt(models), { identifier, password })).toMatchObject({
      ok: true,
    });
    await expect(registerUser(contextAt(models, now), { email: identifier, password })).rejects.toMatchObject(
      {
        code: "EMAIL_TAKEN",
      },
    );
  });
});

describe("time zones (node 53419, date-fns/tz 3)", () => {
  // Node 22's Intl takes offsets for zones; a program that reads the profile later does not.
  it.each(["+01:00", "-0330", "+05", "\u22121:00", "GMT+2", "Mars/Olympus", ""])(
    "%j is none",
    async (timezone) => {
      const { _id: userId } = await makeUser(models);
      await expect(
        updateProfile(contextAt(models, now), { userId, changes: { timezone } }),
      ).rejects.toMatchObject({
        code: "INVALID_INPUT",
      });
    },
  );

  it.each(["Europe/Kyiv", "Asia/Calcutta", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT+2"])(
    "%s is one",
    async (timezone) => {
      const { _id: userId } = await makeUser(models);
      const user = await updateProfile(contextAt(models, now), { userId, changes: { timezone } });
      expect(user.profile.timezone).toBe(timezone);
    },
  );
});

describe("ill-formed text (open-flow 90, node-fetch 1879)", () => {
  // Lone surrogates have no bytes in UTF-8: replaced, every such password would equal every other of its length.
  const typed = (sign: string) => `a long ${sign} password ${sign} with a sign`;

  it("is no password, and opens no account that has its replacement", async () => {
    const email = emailOf();
    await expect(
      registerUser(contextAt(models, now), { email, password: typed("\ud800") }),
    ).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
    await registerUser(contextAt(models, now), { email, password: typed("\ufffd") });
    const attempt = { identifier: email, password: typed("\udbff") };
    expect(await authenticateUser(contextAt(models), attempt)).toMatchObject({ reason: "bad_credentials" });
  });

  it("is no display name", async () => {
    const { _id: userId } = await makeUser(models);
    const changes = { displayName: "a\ud83dz" };
    await expect(updateProfile(contextAt(models, now), { userId, changes })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
  });

  it("keeps endpoints apart that differ in it, and cuts none in half", async () => {
    const { _id: userId } = await makeUser(models);
    const usage = new UsageRecorder(models);
    const endpoints = ["GET /\ud800", "GET /\udbff", "__proto__", `${"a".repeat(127)}\u{1f600}x`];
    for (const endpoint of endpoints) usage.record({ userId, endpoint }, now);
    await usage.flush();
    const bucket = await models.UsageBucket.findOne({ userId, interval: "hour" }).lean();
    const stored = ["GET /\\ud800", "GET /\\udbff", "__proto__", `${"a".repeat(127)}\u{1f600}`];
    expect(bucket?.endpoints.map(({ endpoint }) => endpoint).sort()).toEqual([...stored].sort());
    const { id } = await openSession(contextAt(models, now), { userId });
    await incrementApiUsage(contextAt(models, now), {
      userId,
      sessionId: id,
      endpoint: endpoints[0] as string,
    });
    const session = await models.UserSession.findById(id).lean();
    expect(session?.apiUsage?.lastEndpoint).toBe(stored[0]);
  });

  it("is escaped to distinct text within the bound", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 0xffff }), { maxLength: 40 }), fc.nat({ max: 30 }), (units, max) => {
        const stored = storableText(String.fromCharCode(...units), max);
        expect(lengthOf(stored)).toBeLessThanOrEqual(max);
        expect(Buffer.from(stored).toString()).toBe(stored);
      }),
      { seed: 36 },
    );
  });
});

describe("one length rule, code points after NFC (open-webui 25656)", () => {
  const emoji = (count: number) =>
    String.fromCodePoint(...Array.from({ length: count }, (_, index) => 0x1f600 + ((7 * index) % 50)));
  const accented = (count: number) =>
    Array.from({ length: count }, (_, index) => `${"aeiouyncszlr"[index % 12]}\u0301`).join("");

  // NIST SP 800-63B-4 section 3.1.1.2: each code point counts as one character, after normalisation.
  it.each([
    ["200 emoji", emoji(200)],
    ["256 composed letters, typed decomposed", accented(256)],
    ["15 emoji", emoji(15)],
    ["spaces at its ends", "  correct horse battery "],
  ])("a user who registers with %s signs in with it, and not with less", async (_name, long) => {
    const email = emailOf();
    await registerUser(contextAt(models, now), { email, password: long });
    const attempt = (text: string) =>
      authenticateUser(contextAt(models), { identifier: email, password: text });
    expect(await attempt(long)).toMatchObject({ ok: true });
    expect(await attempt(long.normalize("NFC"))).toMatchObject({ ok: true });
    expect(await attempt([...long].slice(0, -1).join(""))).toMatchObject({ ok: false });
    expect(await attempt(`${long}x`)).toMatchObject({ ok: false });
  });

  it.each([
    ["8 emoji, which are 16 units", "\u{1f600}".repeat(8)],
    ["14 letters with accents, typed decomposed", "e\u0301".repeat(14)],
    ["257 letters", "x".repeat(257)],
  ])("nobody registers with %s", async (_name, wrong) => {
    await expect(
      registerUser(contextAt(models, now), { email: emailOf(), password: wrong }),
    ).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
  });

  it("a display name of 128 emoji is stored as it is", async () => {
    const displayName = "\u{1f600}".repeat(128);
    const user = await registerUser(contextAt(models, now), { email: emailOf(), password, displayName });
    expect(user.profile.displayName).toBe(displayName);
  });
});
