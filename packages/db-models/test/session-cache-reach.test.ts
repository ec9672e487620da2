import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Collection, mongo, Types } from "mongoose";
import { describe, expect, it } from "vitest";
import { apiKeySchema } from "../src/schemas/api-key.js";
import { appSchema } from "../src/schemas/app.js";
import { appPermissionSchema } from "../src/schemas/app-permission.js";
import { appTokenSchema } from "../src/schemas/app-token.js";
import { userSchema } from "../src/schemas/user.js";
import { userSessionSchema } from "../src/schemas/user-session.js";
import { invalidating, type Reach, reachOf } from "../src/session-cache/own-writes.js";
import { subjectsOfDocument } from "../src/session-cache/subjects.js";
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
    ["everything by a method with such a name", "undoDeleteOne", [{ _id }], "everything"],
    ["everything by one that begins like another", "deleteOneByOne", [{ _id }], "everything"],
    ["everything where the filter is none", "deleteMany", [undefined], "everything"],
    ["everything where the filter is a name", "deleteMany", ["x"], "everything"],
    [
      "everything where one of a list names nothing",
      "deleteMany",
      [{ _id: { $in: [_id, 7] } }],
      "everything",
    ],
    ["everything where an id is asked for as none", "deleteMany", [{ _id: null }], "everything"],
    ["the session without an update that can be read", "updateOne", [{ _id }, undefined], [ofSession]],
    ["the session with an update that is none", "updateOne", [{ _id }, null], [ofSession]],
    ["the session with an update that is a text", "updateOne", [{ _id }, "x"], [ofSession]],
    [
      "nothing with the later of two dates",
      "updateOne",
      [{ _id }, { $max: { idleExpiresAt: 1 } }],
      undefined,
    ],
    [
      "the session with the earlier of two",
      "updateOne",
      [{ _id }, { $min: { idleExpiresAt: 1 } }],
      [ofSession],
    ],
    ["everything by a bulk that is no list", "bulkWrite", [{}], "everything"],
    ["everything by a bulk with an operation that is none", "bulkWrite", [[{}]], "everything"],
    [
      "everything where one of a bulk does",
      "bulkWrite",
      [[{ deleteMany: { filter: { userId } } }, { deleteMany: { filter: {} } }]],
      "everything",
    ],
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
    ["nothing by another operator", "users", "updateOne", [{ _id }, { $push: { roles: "x" } }], undefined],
    [
      "nothing with a stage by its other name",
      "users",
      "updateOne",
      [{ _id }, [{ $addFields: { roles: 1 } }]],
      undefined,
    ],
    [
      "it with one of two stages",
      "users",
      "updateOne",
      [{ _id }, [{ $set: { roles: 1 } }, { $set: { status: 1 } }]],
      ofAccount,
    ],
    [
      "it with a stage of two parts",
      "users",
      "updateOne",
      [{ _id }, [{ $set: { roles: 1 }, $unset: "status" }]],
      ofAccount,
    ],
    [
      "nothing of a key with its use",
      "api_keys",
      "updateOne",
      [{ _id }, { $inc: { "usage.requests": 1 } }],
      undefined,
    ],
    [
      "nothing of a key with its leases",
      "api_keys",
      "updateOne",
      [{ _id }, { $set: { leases: [], lastUsedAt: 1 } }],
      undefined,
    ],
    [
      "the documents that hashes name",
      "app_tokens",
      "deleteMany",
      [{ _id: { $in: [Buffer.from("a1", "hex"), new Types.ObjectId(_id)] } }],
      ["app_tokens._id=a1", `app_tokens._id=${_id.toHexString()}`],
    ],
    [
      "the document that a binary names",
      "app_tokens",
      "deleteOne",
      [{ _id: new mongo.Binary(Buffer.from("b2", "hex")) }],
      ["app_tokens._id=b2"],
    ],
    [
      "it with one field that is read and one that is not",
      "users",
      "updateOne",
      [{ _id }, { $set: { roles: 1, status: 1 } }],
      ofAccount,
    ],
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

it("a document is about itself and whom it belongs to, as far as it says so", () => {
  expect(subjectsOfDocument(sessions, { _id, userId })).toEqual([ofSession, ofUser]);
  expect(subjectsOfDocument(sessions, { _id, userId: 7 })).toEqual([ofSession]);
  expect(() => subjectsOfDocument("orders", { _id })).toThrow("the collection orders is not watched");
});

describe("a collection of an identity with a cache", () => {
  const made = (fails = false) => {
    const seen: (Reach | string)[] = [];
    const methods = [...readOnly, "updateOne", "deleteMany", "renameCollection"];
    const raw = Object.fromEntries(
      methods.map((method) => [
        method,
        function (this: unknown, ...input: unknown[]) {
          expect(this).toBe(collection);
          seen.push(method);
          if (fails) throw new Error("no server");
          return input.length;
        },
      ]),
    );
    const collection = { name: sessions, ...raw } as unknown as Collection;
    const watched = invalidating(collection, (reach) => seen.push(reach));
    return { seen, watched: watched as unknown as Record<string, (...input: unknown[]) => unknown> };
  };
  const readOnly = [
    ...["find", "findOne", "aggregate", "countDocuments", "estimatedDocumentCount", "distinct", "watch"],
    ...["listIndexes", "indexes", "indexExists", "indexInformation", "insertOne", "insertMany"],
    ...["createIndex", "createIndexes", "ensureIndex", "dropIndex", "dropIndexes", "getIndexes"],
    ...["onOpen", "onClose", "addQueue", "doQueue"],
  ];

  it.each(readOnly)("%s invalidates nothing", (method) => {
    const { seen, watched } = made();
    expect(watched[method]!({}, {})).toBe(2);
    expect(seen).toEqual([method]);
  });

  it("a write invalidates what it reaches before it is sent and when it is settled, also with an error", async () => {
    for (const fails of [false, true]) {
      const { seen, watched } = made(fails);
      const writing = watched.updateOne!({ _id }, revoking);
      if (fails) await expect(writing).rejects.toThrow("no server");
      else expect(await writing).toBe(2);
      expect(seen).toEqual([[ofSession], "updateOne", [ofSession]]);
    }
  });

  it("one that nobody thought of invalidates everything, and a use nothing", async () => {
    const { seen, watched } = made();
    await watched.renameCollection!("x");
    await watched.updateOne!({ _id }, { $set: { lastSeenAt: 1 } });
    expect(seen).toEqual(["everything", "renameCollection", "everything", "updateOne"]);
    expect(watched.name).toBe(sessions);
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
