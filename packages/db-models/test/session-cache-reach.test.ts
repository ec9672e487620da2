import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Types } from "mongoose";
import { describe, expect, it } from "vitest";
import { apiKeySchema } from "../src/schemas/api-key.js";
import { appSchema } from "../src/schemas/app.js";
import { appPermissionSchema } from "../src/schemas/app-permission.js";
import { appTokenSchema } from "../src/schemas/app-token.js";
import { userSchema } from "../src/schemas/user.js";
import { userSessionSchema } from "../src/schemas/user-session.js";
import { type Change, effectOf } from "../src/session-cache/changes.js";
import { reachOf } from "../src/session-cache/own-writes.js";
import { watchedCollections } from "../src/session-cache/watched.js";

const sessions = "user_sessions";
const _id = new Types.ObjectId();
const userId = new Types.ObjectId();
const ofSession = `${sessions}._id=${_id.toHexString()}`;
const ofUser = `${sessions}.userId=${userId.toHexString()}`;
const revoking = { $set: { revokedAt: new Date() } };

describe("a write of this process reaches", () => {
  it.each<[string, string, unknown[], unknown]>([
    ["the session that its filter names", "updateOne", [{ _id, revokedAt: null }, revoking], [ofSession]],
    ["each of a list", "deleteMany", [{ _id: { $in: [_id] } }], [ofSession]],
    ["all of a user", "updateMany", [{ userId, _id: { $ne: _id } }, revoking], [ofUser]],
    ["everything where the filter names none", "updateMany", [{ roles: "x" }, revoking], "everything"],
    ["everything without a filter", "deleteMany", [{}], "everything"],
    ["everything by a method that nobody thought of", "renameCollection", ["x"], "everything"],
    ["nothing with a use", "updateOne", [{ _id }, { $set: { lastSeenAt: new Date() } }], undefined],
    ["nothing with a count", "updateOne", [{ _id }, { $inc: { "apiUsage.requests": 1 } }], undefined],
    [
      "the session with another field beside them",
      "updateOne",
      [{ _id }, { $set: { lastSeenAt: 1, slot: 2 } }],
      [ofSession],
    ],
    [
      "the session when a date is taken away",
      "updateOne",
      [{ _id }, { $unset: { purgeAt: "" } }],
      [ofSession],
    ],
    ["the session with a pipeline", "updateOne", [{ _id }, [{ $set: { lastSeenAt: 1 } }]], [ofSession]],
    [
      "what a bulk of writes reaches",
      "bulkWrite",
      [
        [
          { insertOne: { document: {} } },
          { updateOne: { filter: { _id }, update: revoking } },
          { deleteMany: { filter: { userId } } },
        ],
      ],
      [ofSession, ofUser],
    ],
    [
      "nothing with a bulk of counts",
      "bulkWrite",
      [[{ updateOne: { filter: { _id }, update: { $inc: { "apiUsage.requests": 2 } } } }]],
      undefined,
    ],
  ])("%s", (_name, method, input, reach) => {
    expect(reachOf(sessions, method, input)).toEqual(reach);
  });
});

describe("a write of this process to a collection of which some fields are read reaches", () => {
  const ofAccount = [`users._id=${_id.toHexString()}`];
  it.each<[string, string, string, unknown[], unknown]>([
    ["nothing with another field", "users", "updateOne", [{ _id }, { $set: { roles: [] } }], undefined],
    [
      "nothing with a pipeline that sets another",
      "users",
      "updateOne",
      [{ email: "a@b" }, [{ $set: { "apiUsage.limit": 1 } }, { $unset: ["profile"] }]],
      undefined,
    ],
    ["the document with one", "users", "updateOne", [{ _id }, [{ $set: { status: "x" } }]], ofAccount],
    ["it when one is removed", "users", "updateOne", [{ _id }, [{ $unset: "status" }]], ofAccount],
    ["it with a stage that sets all", "users", "updateOne", [{ _id }, [{ $replaceWith: {} }]], ofAccount],
    ["it when it is deleted", "users", "deleteOne", [{ _id }], ofAccount],
    [
      "an app by its client id",
      "apps",
      "findOneAndUpdate",
      [{ clientId: "c", status: "active" }, { $set: { status: "suspended" } }],
      ["apps.clientId=c"],
    ],
    [
      "the consents of a user",
      "app_permissions",
      "updateMany",
      [
        { userId, revokedAt: null },
        { $set: { purgeAt: 1 }, $inc: { generation: 1 } },
      ],
      [`app_permissions.userId=${userId.toHexString()}`],
    ],
    [
      "no consent with a use",
      "app_permissions",
      "updateOne",
      [{ _id }, { $set: { lastUsedAt: 1 } }],
      undefined,
    ],
  ])("%s", (_name, collection, method, input, reach) => {
    expect(reachOf(collection, method, input)).toEqual(reach);
  });
});

describe("a change in the stream", () => {
  const instance = new Types.ObjectId();
  const heartbeats = { collection: "cache_heartbeats", instance };
  const update = (updateDescription: object): Change => ({
    operationType: "update",
    ns: { coll: sessions },
    documentKey: { _id },
    updateDescription,
  });
  const drop = { kind: "drop", subjects: [ofSession] };
  const none = { kind: "none" };
  const reset = { kind: "reset" };

  it.each<[string, Change, unknown]>([
    ["of use alone does nothing", update({ updatedFields: { lastSeenAt: 1, "apiUsage.requests": 2 } }), none],
    ["of another field drops", update({ updatedFields: { lastSeenAt: 1, "risk.level": "high" } }), drop],
    [
      "that takes a field away drops",
      update({ updatedFields: { lastSeenAt: 1 }, removedFields: ["slot"] }),
      drop,
    ],
    ["that shortens a list drops", update({ truncatedArrays: [{ field: "rotations", newSize: 0 }] }), drop],
    ["without its fields drops", { ...update({}), updateDescription: undefined } as unknown as Change, drop],
    ["of a whole document drops", { ...update({}), operationType: "replace" }, drop],
    ["that deletes drops", { ...update({}), operationType: "delete" }, drop],
    ["that inserts does nothing", { ...update({}), operationType: "insert" }, none],
    ["that drops the collection resets", { operationType: "drop", ns: { coll: sessions } }, reset],
    [
      "that renames it resets",
      { operationType: "rename", ns: { coll: sessions }, to: { coll: "old" } },
      reset,
    ],
    [
      "that puts another in its place resets",
      { operationType: "rename", ns: { coll: "new" }, to: { coll: sessions } },
      reset,
    ],
    ["that drops the database resets", { operationType: "dropDatabase", ns: {} }, reset],
    ["that nobody has heard of resets", { operationType: "modify", ns: { coll: sessions } }, reset],
    ["of no known document resets", { operationType: "update", ns: { coll: sessions } }, reset],
    [
      "of a field that is not read does nothing",
      {
        ...update({ updatedFields: { "profile.bio": 1 }, removedFields: ["purgeAt"] }),
        ns: { coll: "users" },
      },
      none,
    ],
    [
      "of one that is read drops",
      { ...update({ updatedFields: { status: 1 } }), ns: { coll: "users" } },
      { kind: "drop", subjects: [`users._id=${_id.toHexString()}`] },
    ],
    ["of another collection does nothing", { operationType: "drop", ns: { coll: "orders" } }, none],
    [
      "of another instance's heartbeat does nothing",
      {
        operationType: "update",
        ns: { coll: "cache_heartbeats" },
        documentKey: { _id },
        updateDescription: { updatedFields: { beats: 3 } },
      },
      none,
    ],
    [
      "of its heartbeat is an echo",
      {
        operationType: "replace",
        ns: { coll: "cache_heartbeats" },
        documentKey: { _id: instance },
        fullDocument: { beats: 3 },
      },
      { kind: "echo", number: 3 },
    ],
  ])("%s", (_name, change, effect) => {
    expect(effectOf(change, heartbeats)).toEqual(effect);
  });
});

describe("writers", () => {
  const source = join(import.meta.dirname, "../src");
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".ts"),
  );
  const filesWith = (text: RegExp) =>
    files
      .filter((path) => text.test(readFileSync(join(source, path), "utf8")))
      .map((path) => path.replaceAll("\\", "/"))
      .sort();

  it("get at sessions through the models of their identity only", () => {
    // Who binds models of its own would write past the invalidation.
    expect(filesWith(/\b(modelsOf|defineModels)\(/)).toEqual([
      "connect.ts",
      "define-models.ts",
      "identity.ts",
      "migrations/sessions-migration.ts",
      "schemas/models.ts",
    ]);
    expect(filesWith(/collection\("user_sessions"|\.collection\.collection\b/)).toEqual([]);
  });

  it.each([userSessionSchema, apiKeySchema, appTokenSchema, appPermissionSchema, appSchema, userSchema])(
    "the fields that are watched are fields of the schema",
    ({ paths, options }) => {
      const {
        selectors = [],
        harmless = [],
        read = [],
      } = watchedCollections[String(options.collection)] ?? {};
      const fields = Object.keys(paths).map((path) => path.split(".")[0]);
      expect(selectors.length).toBeGreaterThan(0);
      for (const field of [...selectors, ...harmless, ...read]) expect(fields).toContain(field);
    },
  );
});
