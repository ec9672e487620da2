import { Types } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import { verifyAudit } from "../src/audit/verify.js";
import { duration } from "../src/core/limits.js";
import type { ErasureDocument, ExportRecord, IdentityModels } from "../src/index.js";
import { collectionsAbout, personalData } from "../src/privacy/collections.js";
import { exportUserData } from "../src/privacy/export.js";
import { openSession } from "../src/sessions/open.js";
import { authenticateUser } from "../src/users/accounts.js";
import { contextAt } from "./context.js";
import { makeUser, useIdentityDatabase } from "./database.js";
import { eraseUserData, resumeErasures } from "./erasing.js";
import { after, now } from "./moment.js";
import { dumpOf, foundIn, type KnownPerson, makeKnownPerson } from "./person.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

const personalCollections = [
  "user_sessions",
  "api_keys",
  "app_tokens",
  "app_permissions",
  "user_factors",
  "sign_in_reports",
  "passkey_challenges",
  "device_authorizations",
  "apps",
  "security_events",
  "usage_buckets",
  "login_challenges",
  "login_profiles",
  "admin_approvals",
  "bulk_jobs",
  "bulk_job_items",
  "users",
];

describe("the collections about a person", () => {
  it("are all that have a field for a user", () => {
    const naming = Object.entries(models)
      .filter(([, { schema }]) => ["userId", "ownerId", "email"].some((path) => schema.path(path)))
      .map(([name]) => name);
    const covered = collectionsAbout(new Types.ObjectId()).map(({ model }) => model as string);
    expect(naming.filter((name) => !covered.includes(name))).toEqual(["Erasure"]);
    expect(Object.keys(personalData).sort()).toEqual(Object.keys(models).sort());
    expect(covered.at(-1)).toBe("User");
  });
});

describe("exportUserData", () => {
  const read = async ({ user }: KnownPerson) => {
    const records: ExportRecord[] = [];
    for await (const record of exportUserData(contextAt(models, now), user._id)) records.push(record);
    return records;
  };

  it("gives every document about the person, between a header and an end that counts them", async () => {
    const person = await makeKnownPerson(models, now);
    const records = await read(person);
    expect(records[0]).toEqual({
      type: "export",
      format: "identity-export",
      version: 1,
      userId: person.user._id.toHexString(),
      exportedAt: now.toISOString(),
    });
    const documents = records.filter((record) => record.type === "document");
    expect(records.at(-1)).toEqual({ type: "end", documents: documents.length });
    expect(new Set(documents.map(({ collection }) => collection))).toEqual(
      new Set([...personalCollections, "audit_events"]),
    );
    const text = JSON.stringify(records);
    const { auditKey } = person.user;
    const { traces, ip, storedIp } = person;
    const told = [...traces.filter((trace) => trace !== auditKey && trace !== storedIp), ip];
    expect(foundIn(text, [...traces, ip])).toEqual(told);
    const audit = documents.filter(({ collection }) => collection === "audit_events");
    expect(audit.map(({ document }) => document)).toMatchObject([
      { action: "session.opened", isActor: true, isSubject: true, network: expect.any(String) },
      { action: "user.suspended", isActor: false, isSubject: true },
    ]);
  });

  it("names the app of a consent, as long as it is there", async () => {
    const person = await makeKnownPerson(models, now);
    const consents = async () =>
      (await read(person)).flatMap((record) =>
        record.type === "document" && record.collection === "app_permissions" ? [record.document] : [],
      );
    expect(await consents()).toMatchObject([{ appName: "An app", scopes: ["profile"] }]);
    await models.App.deleteMany({ ownerId: person.user._id });
    expect((await consents())[0]).not.toHaveProperty("appName");
  });

  it("has no secret in it, nor the hash of one", async () => {
    const person = await makeKnownPerson(models, now);
    const text = JSON.stringify(await read(person));
    expect(foundIn(text, person.secrets)).toEqual([]);
    // Hashes and keys of this package are 43 characters of base64url; passwords are argon2.
    expect(text).not.toMatch(/(?<![\w-])[\w-]{43}(?![\w-])/);
    expect(text).not.toMatch(/argon2/);
  });

  it("tells nothing of anybody else", async () => {
    const [person, other] = [await makeKnownPerson(models, now), await makeKnownPerson(models, now)];
    expect(foundIn(JSON.stringify(await read(person)), other.traces)).toEqual([]);
  });

  it("is plain JSON: what comes back from its text is what went in", async () => {
    const records = await read(await makeKnownPerson(models, now));
    expect(JSON.parse(JSON.stringify(records))).toEqual(records);
  });

  it("of nobody says so", async () => {
    const nobody = exportUserData(contextAt(models, now), new Types.ObjectId());
    await expect(nobody.next()).rejects.toMatchObject({ code: "USER_NOT_FOUND" });
  });
});

describe("eraseUserData", () => {
  it("leaves nothing of the person in the whole database, and the audit trail whole", async () => {
    const [person, other] = [await makeKnownPerson(models, now), await makeKnownPerson(models, now)];
    const { _id: userId } = person.user;
    const before = await dumpOf(models);
    // Where somebody was is sealed in the audit trail from the start, so it must be found elsewhere.
    expect(foundIn(before, person.traces)).toEqual(person.traces);
    const report = await eraseUserData(contextAt(models, now), { userId });
    expect(report).toEqual({
      id: expect.any(Types.ObjectId),
      requestedAt: now,
      finishedAt: now,
      removed: {
        user_sessions: 2,
        api_keys: 1,
        app_tokens: 2,
        app_permissions: 2,
        user_factors: 1,
        sign_in_reports: 1,
        passkey_challenges: 1,
        device_authorizations: 1,
        apps: 1,
        security_events: 6,
        usage_buckets: 2,
        login_challenges: 1,
        login_profiles: 2,
        admin_approvals: 1,
        bulk_jobs: 1,
        bulk_job_items: 1,
        users: 1,
      },
      remaining: Object.fromEntries(personalCollections.map((name) => [name, 0])),
      anonymisedAuditEvents: 2,
    });
    expect((await resumeErasures(contextAt(models, after(2 * duration.day)))).reports).toHaveLength(1);
    const dump = await dumpOf(models);
    expect(foundIn(dump, [...person.traces, ...person.secrets, userId.toHexString()])).toEqual([]);
    expect(foundIn(dump, other.traces)).toEqual(other.traces);
    expect(await verifyAudit(contextAt(models))).toMatchObject({ intact: true });
  });

  it("called again gives the report, and removes what came late", async () => {
    const { user } = await makeKnownPerson(models, now);
    const first = await eraseUserData(contextAt(models, now), { userId: user._id });
    expect(await eraseUserData(contextAt(models, after(1)), { userId: user._id })).toEqual(first);
    const late = { userId: user._id, interval: "day", startedAt: now, purgeAt: after(duration.day) } as const;
    await models.UsageBucket.create(late);
    const again = await eraseUserData(contextAt(models, after(2)), { userId: user._id });
    expect(again.removed).toEqual({ ...first.removed, usage_buckets: 3 });
    expect(again.remaining.usage_buckets).toBe(0);
  });

  it("sweeps once more after a day, and then forgets who it was", async () => {
    const { user } = await makeKnownPerson(models, now);
    const { id } = await eraseUserData(contextAt(models, now), { userId: user._id });
    await models.UsageBucket.create({
      userId: user._id,
      interval: "hour",
      startedAt: now,
      purgeAt: after(duration.day),
    });
    const { collection } = models.Erasure;
    await resumeErasures(contextAt(models, after(duration.day - 1)));
    expect(await collection.findOne({ _id: id })).toHaveProperty("userId");
    await resumeErasures(contextAt(models, after(duration.day)));
    expect(await models.UsageBucket.countDocuments({ userId: user._id })).toBe(0);
    const erasure = (await collection.findOne({ _id: id })) as unknown as ErasureDocument;
    expect(Object.keys(erasure).sort()).toEqual([
      "_id",
      "anonymisedAuditEvents",
      "finishedAt",
      "purgeAt",
      "removed",
      "requestedAt",
      "schemaVersion",
    ]);
    await new models.Erasure(erasure).validate();
    const again = eraseUserData(contextAt(models, after(duration.day)), { userId: user._id });
    await expect(again).rejects.toMatchObject({ code: "USER_NOT_FOUND" });
  });

  it("lets nobody sign in from its first step on", async () => {
    const { user } = await makeKnownPerson(models, now);
    const stuck = {
      ...models,
      ApiKey: {
        collection: {
          updateMany: async () => undefined,
          deleteMany: () => Promise.reject(new Error("killed")),
        },
      },
    };
    const erasing = eraseUserData(contextAt(stuck as unknown as IdentityModels, now), { userId: user._id });
    await expect(erasing).rejects.toThrow("killed");
    await expect(openSession(contextAt(models, now), { userId: user._id })).rejects.toMatchObject({
      code: "USER_NOT_ACTIVE",
    });
    // A clock that was a year ahead has put it off.
    await models.Erasure.updateOne({ userId: user._id }, { $set: { sweepAt: after(365 * duration.day) } });
    const { reports } = await resumeErasures(contextAt(models, after(10 * duration.minute)));
    const [report] = reports;
    expect(report?.remaining.users).toBe(0);
    const attempt = { identifier: user.email, password: "correct horse battery" };
    expect(await authenticateUser(contextAt(models), attempt)).toEqual({
      ok: false,
      reason: "bad_credentials",
    });
  });

  it("that cannot be gone on with is named, and holds nobody up", async () => {
    await models.Erasure.deleteMany({});
    const stuck = new Types.ObjectId();
    const { user } = await makeKnownPerson(models, now);
    const begun = {
      appsTo: user._id,
      requestedAt: now,
      removed: [],
      anonymisedAuditEvents: 0,
      schemaVersion: 1,
    };
    await models.Erasure.collection.insertMany([
      // A repair by hand has made text of the list.
      {
        ...begun,
        _id: stuck,
        userId: (await makeKnownPerson(models, now)).user._id,
        removed: "none",
        sweepAt: now,
      },
      { ...begun, _id: new Types.ObjectId(), userId: user._id, appsTo: user._id, sweepAt: after(1) },
    ] as never[]);
    const resumed = await resumeErasures(contextAt(models, after(1)));
    expect(resumed).toMatchObject({
      failed: 1,
      failures: [{ id: stuck }],
      reports: [{ remaining: { users: 0 } }],
    });
    expect(await models.Erasure.findById(stuck)).toMatchObject({ sweepAt: after(10 * duration.minute + 1) });
    await models.Erasure.deleteOne({ _id: stuck });
  });

  it("is one erasure, however many ask for it at once", async () => {
    const { user } = await makeKnownPerson(models, now);
    const reports = await Promise.all(
      Array.from({ length: 100 }, () => eraseUserData(contextAt(models, now), { userId: user._id })),
    );
    expect(new Set(reports.map(({ id }) => id.toHexString())).size).toBe(1);
    expect(reports.every(({ remaining }) => Object.values(remaining).every((left) => left === 0))).toBe(true);
    expect((await eraseUserData(contextAt(models, now), { userId: user._id })).removed.users).toBe(1);
  });

  it("hands the apps over when somebody takes them, with what others gave them", async () => {
    const [{ user }, heir] = [await makeKnownPerson(models, now), await makeUser(models)];
    const report = await eraseUserData(contextAt(models, now), { userId: user._id, appsTo: heir._id });
    expect(report.removed).toMatchObject({ app_tokens: 1, app_permissions: 1 });
    expect(report.removed).not.toHaveProperty("apps");
    const app = await models.App.findOne({ ownerId: heir._id }).orFail();
    expect(await models.AppToken.countDocuments({ appId: app._id })).toBe(1);
  });

  it("frees the email address", async () => {
    const { user } = await makeKnownPerson(models, now);
    await eraseUserData(contextAt(models, now), { userId: user._id });
    expect((await makeUser(models, { email: user.email })).email).toBe(user.email);
  });

  it("of nobody says so, and leaves no record of it", async () => {
    const userId = new Types.ObjectId();
    await expect(eraseUserData(contextAt(models, now), { userId })).rejects.toMatchObject({
      code: "USER_NOT_FOUND",
    });
    expect(await models.Erasure.countDocuments({ userId })).toBe(0);
  });
});
