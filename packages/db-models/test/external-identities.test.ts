import { createIndexes } from "@org/dev-kit";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { Types } from "mongoose";
import { beforeAll, describe, expect, test } from "vitest";
import { limits } from "../src/core/limits.js";
import { createIdentity, defineModels, type Identity } from "../src/index.js";

const database = useTemporaryDatabase({ label: "external" });
let identity: Identity;
beforeAll(async () => {
  identity = createIdentity({ connection: database.connection });
  await createIndexes(defineModels(database.connection));
});

let subjects = 0;
const somebody = (issuer = "https://accounts.example") => {
  subjects += 1;
  return {
    issuer,
    subject: `subject-${subjects}`,
    provider: "example",
    email: `person${subjects}@example.com`,
  };
};
const subjectOf = ({ issuer, subject }: { issuer: string; subject: string }) => ({ issuer, subject });
const withPassword = async () => {
  subjects += 1;
  const email = `owner${subjects}@example.com`;
  const { _id: userId } = await identity.users.register({ email, password: "correct horse battery" });
  return userId;
};

describe("an account made by a provider's word", () => {
  test("is found by issuer and subject, has a verified address and no password", async () => {
    const person = somebody();
    const made = await identity.externalIdentities.register({ ...person, displayName: "Ada" });
    expect(made).toMatchObject({ created: true, status: "active", sessionGeneration: 0 });
    expect(await identity.externalIdentities.find(subjectOf(person))).toMatchObject({ userId: made.userId });
    const user = await identity.users.read(made.userId);
    expect([user.email, user.profile.displayName]).toEqual([person.email, "Ada"]);
    expect(user.emailVerifiedAt).toBeInstanceOf(Date);
    const credentials = { identifier: person.email, password: "correct horse battery" };
    expect(await identity.users.authenticate(credentials)).toMatchObject({
      ok: false,
      reason: "bad_credentials",
    });
    expect(await identity.externalIdentities.list(made)).toMatchObject({
      hasPassword: false,
      linked: [{ provider: "example" }],
    });
  });

  test("is one for a hundred first sign-ins at once", async () => {
    const person = somebody();
    const made = await Promise.all(
      Array.from({ length: 100 }, () => identity.externalIdentities.register(person)),
    );
    expect(new Set(made.map(({ userId }) => userId.toHexString())).size).toBe(1);
    expect(made.filter(({ created }) => created)).toHaveLength(1);
  });

  test("is never an account that has the address already, verified or not", async () => {
    const person = somebody();
    await identity.users.register({ email: person.email, password: "correct horse battery" });
    await expect(identity.externalIdentities.register(person)).rejects.toMatchObject({ code: "EMAIL_TAKEN" });
    expect(await identity.externalIdentities.find(subjectOf(person))).toBeUndefined();
  });

  test.each([
    ["a display name that is too long", { displayName: "x".repeat(10_000) }],
    ["a display name of control characters", { displayName: "a\u0007b" }],
  ])("does not fail for %s: it is left out", async (_what, given) => {
    const made = await identity.externalIdentities.register({ ...somebody(), ...given });
    expect((await identity.users.read(made.userId)).profile.displayName).toBeUndefined();
  });

  test.each([
    ["an empty subject", { subject: "" }],
    ["a huge subject", { subject: "x".repeat(2_000) }],
    ["an empty issuer", { issuer: "" }],
    ["a provider that is no name", { provider: "Not A Name" }],
    ["a subject that is no text", { subject: { $ne: null } as unknown as string }],
    ["no address", { email: "" }],
  ])("is refused for %s", async (_what, given) => {
    await expect(identity.externalIdentities.register({ ...somebody(), ...given })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
  });
});

describe("who somebody is", () => {
  // OpenID Connect Core section 5.7: only iss and sub together identify somebody; two tenants may give the same sub.
  test("is another person for the same subject at another issuer", async () => {
    const one = somebody("https://login.example/tenant-a");
    const other = { ...one, issuer: "https://login.example/tenant-b", email: "other-tenant@example.com" };
    const made = await identity.externalIdentities.register(one);
    const second = await identity.externalIdentities.register(other);
    expect(second.userId.equals(made.userId)).toBe(false);
  });

  test("does not depend on where issuer ends and subject begins", async () => {
    await identity.externalIdentities.register({
      ...somebody(),
      issuer: "https://a.example",
      subject: "b:c",
    });
    const moved = { issuer: "https://a.example:b", subject: "c" };
    expect(await identity.externalIdentities.find(moved)).toBeUndefined();
  });

  test("is not in the database in plain text", async () => {
    const person = { ...somebody(), subject: "a-secret-looking-subject" };
    const { userId } = await identity.externalIdentities.register(person);
    const stored = await identity.models.User.findById(userId).lean();
    expect(JSON.stringify(stored)).not.toContain(person.subject);
  });
});

describe("linking", () => {
  test("is done once, seen by the owner, and noted", async () => {
    const userId = await withPassword();
    const person = somebody();
    const link = { ...subjectOf(person), provider: "example", userId };
    expect(await identity.externalIdentities.link(link)).toEqual({ ok: true, added: true });
    expect(await identity.externalIdentities.link(link)).toEqual({ ok: true, added: false });
    expect(await identity.externalIdentities.find(subjectOf(person))).toMatchObject({ userId });
    const events = await identity.securityEvents.list({ userId });
    expect(JSON.stringify(events)).toContain("linked example");
  });

  test("gives an identity to one of a hundred accounts that want it at once", async () => {
    const person = subjectOf(somebody());
    const users = await Promise.all(Array.from({ length: 10 }, withPassword));
    const links = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        identity.externalIdentities.link({
          ...person,
          provider: "example",
          userId: users[i % 10] as Types.ObjectId,
        }),
      ),
    );
    expect(links.filter((link) => link.ok && link.added)).toHaveLength(1);
    expect(
      await identity.models.User.countDocuments({
        "externalIdentities.provider": "example",
        _id: { $in: users },
      }),
    ).toBe(1);
  });

  test("ends at the limit, also under parallel calls", async () => {
    const userId = await withPassword();
    const links = await Promise.all(
      Array.from({ length: limits.identities + 8 }, () => {
        const person = subjectOf(somebody());
        return identity.externalIdentities.link({ ...person, provider: "example", userId });
      }),
    );
    expect(links.filter(({ ok }) => ok)).toHaveLength(limits.identities);
    expect(links.find(({ ok }) => !ok)).toEqual({ ok: false, reason: "too_many" });
  });

  test("is refused for nobody", async () => {
    const link = { ...subjectOf(somebody()), provider: "example", userId: new Types.ObjectId() };
    await expect(identity.externalIdentities.link(link)).rejects.toMatchObject({ code: "USER_NOT_FOUND" });
  });
});

describe("unlinking", () => {
  test("leaves the last way in", async () => {
    const { userId } = await identity.externalIdentities.register(somebody());
    const unlink = (provider: string) => identity.externalIdentities.unlink({ userId, provider });
    expect(await unlink("example")).toEqual({ ok: false, reason: "last_way_in" });
    expect(await unlink("nobody")).toEqual({ ok: false, reason: "not_linked" });
    await identity.externalIdentities.link({ ...subjectOf(somebody()), provider: "second", userId });
    expect(await unlink("example")).toEqual({ ok: true });
    expect(await unlink("second")).toEqual({ ok: false, reason: "last_way_in" });
  });

  test("of the last two at once takes one", async () => {
    const { userId } = await identity.externalIdentities.register(somebody());
    await identity.externalIdentities.link({ ...subjectOf(somebody()), provider: "second", userId });
    const both = ["example", "second"].map((provider) =>
      identity.externalIdentities.unlink({ userId, provider }),
    );
    expect((await Promise.all(both)).filter(({ ok }) => ok)).toHaveLength(1);
    expect((await identity.externalIdentities.list({ userId })).linked).toHaveLength(1);
  });

  test("lets somebody else have the identity, and an account without any is no duplicate of another", async () => {
    const person = subjectOf(somebody());
    const [one, two] = [await withPassword(), await withPassword()];
    for (const userId of [one, two]) {
      expect(await identity.externalIdentities.link({ ...person, provider: "example", userId })).toEqual({
        ok: true,
        added: true,
      });
      expect(await identity.externalIdentities.unlink({ userId, provider: "example" })).toEqual({ ok: true });
    }
    expect(await identity.externalIdentities.find(person)).toBeUndefined();
  });
});
