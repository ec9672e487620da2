import { Types } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import { createApiKey } from "../src/api-keys/manage.js";
import { listAudit } from "../src/audit/list.js";
import { externalKeyOf } from "../src/core/external-key.js";
import type { UserSearch } from "../src/index.js";
import { openSession } from "../src/sessions/open.js";
import { markEmailVerified } from "../src/users/email-verification.js";
import { searchUsers } from "../src/users/search.js";
import { contextAt } from "./context.js";
import { makeUser, useIdentityDatabase } from "./database.js";
import { now } from "./moment.js";
import { appendAudit } from "./recorders.js";

const database = useIdentityDatabase();
const context = () => contextAt(database().models, now);
const search = (input: UserSearch) => searchUsers(context(), input);
const emailsOf = async (input: UserSearch) => (await search(input)).users.map(({ email }) => email);

const issuer = "https://accounts.example.com";
let sessionId: Types.ObjectId;
let key: Awaited<ReturnType<typeof createApiKey>>;
let userId: Types.ObjectId;

beforeAll(async () => {
  const { models } = database();
  const ada = await makeUser(models, {
    email: "ada@example.org",
    username: "countess",
    status: "active",
    externalIdentities: [{ key: externalKeyOf({ issuer, subject: "4711 a" }), provider: "p", linkedAt: now }],
  });
  userId = ada._id;
  for (const name of ["adam", "adan", "adar", "bob"])
    await makeUser(models, { email: `${name}@example.org` });
  sessionId = (await openSession(context(), { userId, ip: "203.0.113.9" })).id;
  key = await createApiKey(context(), { userId, name: "A key", scopes: ["a:read"] });
});

describe("a search", () => {
  it("takes whatever somebody knows of a user", async () => {
    const texts: [string, string][] = [
      ["ada@example.org", "email"],
      [" ADA@Example.org ", "email"],
      ["countess", "username"],
      ["count", "username"],
      [userId.toHexString(), "id"],
      [sessionId.toHexString(), "id"],
      [key.apiKey.id.toHexString(), "id"],
      [key.key, "api_key"],
      [key.apiKey.start, "api_key"],
      [`${key.apiKey.start}…`, "api_key"],
      [`${issuer} 4711 a`, "external"],
      ["203.0.113.77", "address"],
      ["203.0.113.0/24", "address"],
    ];
    for (const [text, by] of texts) {
      expect({ text, ...(await search({ text })) }).toMatchObject({ text, by, users: [{ _id: userId }] });
    }
  });

  it("gives nobody's secrets", async () => {
    const { users } = await search({ text: "ada@example.org" });
    expect(Object.keys(users[0] ?? {})).not.toContain("passwordHash");
    expect(Object.keys(users[0] ?? {})).not.toContain("auditKey");
  });

  it("of a beginning tries addresses where no name begins so, and says which it was", async () => {
    expect(await search({ text: "adam" })).toMatchObject({
      by: "email",
      users: [{ email: "adam@example.org" }],
    });
    expect(await emailsOf({ text: "nobody" })).toEqual([]);
  });

  it("takes no text for a pattern", async () => {
    for (const text of ["a.*", "^ada", "$", "ada@%", "[a-z]"]) expect(await emailsOf({ text })).toEqual([]);
  });

  // Nextcloud server #18503: a second page by offset shows users again.
  it("gives each user once, page by page, also when others come in between", async () => {
    const first = await search({ text: "ada", by: "email", limit: 2 });
    expect(first.users.map(({ email }) => email)).toEqual(["ada@example.org", "adam@example.org"]);
    await makeUser(database().models, { email: "adaa@example.org" });
    const second = await search({ text: "ada", by: "email", limit: 2, after: first.next });
    expect(second.users.map(({ email }) => email)).toEqual(["adan@example.org", "adar@example.org"]);
    expect((await search({ text: "ada", by: "email", limit: 2, after: second.next })).users).toEqual([]);
  });

  it("refuses what is no search", async () => {
    for (const input of [
      { text: "" },
      { text: "x".repeat(513) },
      { text: "ada", by: "id" },
      { text: "ada", by: "address" },
      { text: "ada", by: "email", after: "x" },
      { text: "ada", by: "email", after: new Types.ObjectId().toHexString() },
      { text: "ada", limit: 0 },
    ] as UserSearch[]) {
      await expect(search(input)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    }
  });
});

describe("an address that the staff has seen", () => {
  it("is verified once, and only if it is still the account's", async () => {
    const { models } = database();
    const { _id, email } = await makeUser(models, { status: "pending" });
    expect(await markEmailVerified(context(), { userId: _id, email: "other@example.org" })).toBe(false);
    expect(await markEmailVerified(context(), { userId: _id, email })).toBe(true);
    expect(await markEmailVerified(context(), { userId: _id, email })).toBe(false);
    expect(await models.User.findById(_id).lean()).toMatchObject({ status: "active", emailVerifiedAt: now });
  });

  it("of a locked account is not", async () => {
    const { _id, email } = await makeUser(database().models, { status: "suspended" });
    expect(await markEmailVerified(context(), { userId: _id, email })).toBe(false);
  });
});

describe("the audit trail", () => {
  it("is listed by subject, actor and action, with the people who were asked for", async () => {
    const { models } = database();
    const [actor, subject] = [await makeUser(models), await makeUser(models)];
    const event = { actorId: actor._id, subjectId: subject._id, network: "198.51.100.0/24" } as const;
    await appendAudit(models, { action: "admin.user_locked", outcome: "success", ...event }, now);
    const about = await listAudit(context(), { subjectId: subject._id });
    expect(about).toMatchObject([{ action: "admin.user_locked", subjectId: subject._id, hasActor: true }]);
    // Whence somebody did it is sealed with their key, and they were not asked for.
    expect(about[0]).not.toHaveProperty("network");
    expect(about[0]).not.toHaveProperty("actorId");
    const by = await listAudit(context(), { actorId: actor._id });
    expect(by).toMatchObject([{ actorId: actor._id, network: "198.51.100.0/24" }]);
    expect(await listAudit(context(), { action: "admin.user_locked" })).toHaveLength(1);
    expect((await listAudit(context(), {})).length).toBeGreaterThan(0);
    await expect(listAudit(context(), { subjectId: actor._id, action: "a" })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
    await expect(listAudit(context(), { subjectId: new Types.ObjectId() })).rejects.toMatchObject({
      code: "USER_NOT_FOUND",
    });
  });
});
