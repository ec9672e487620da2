// Commands that are printed for mongosh must work there. Sources: mongosh's Database (packages/shell-api): `db.NAME` is a
// collection unless NAME is a method of databases or begins with an underscore; the manual on createIndexes: a name that
// another index has is refused (IndexKeySpecsConflict), and a unique or sparse index may stand beside a plain one of the
// same key. Input: collections called stats and _migrations, a model with `slug: { unique: true, sparse: true }`.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { expect, test } from "vitest";
import { collectionText } from "../../src/indexes/command.js";
import { canonicalIndex, type IndexSpec } from "../../src/indexes/spec.js";
import { planSharding } from "../../src/sharding/plan.js";

const database = useTemporaryDatabase({ label: "shell_commands", per: "test" });

test.each([
  ["users", "db.users"],
  ["user_sessions2", "db.user_sessions2"],
  ["stats", 'db.getCollection("stats")'],
  ["watch", 'db.getCollection("watch")'],
  ["version", 'db.getCollection("version")'],
  ["getUsers", 'db.getCollection("getUsers")'],
  ["_migrations", 'db.getCollection("_migrations")'],
  ["constructor", 'db.getCollection("constructor")'],
  ["toString", 'db.getCollection("toString")'],
  ["system.profile", 'db.getCollection("system.profile")'],
  ["2020", 'db.getCollection("2020")'],
])("the collection %s is %s", (collection, text) => {
  expect(collectionText(collection)).toBe(text);
});

function firstCommand(indexes: readonly IndexSpec[]): string | undefined {
  const { commands } = planSharding({
    database: "shop",
    collection: "posts",
    documents: 0,
    dataBytes: 0,
    collated: false,
    indexes,
    arrays: [],
    queries: [{ name: "bySlug", collection: "posts", filter: { slug: "a" } }],
    sample: [],
    declared: [{ field: "slug", kind: 1 }],
    worthwhileBytes: 1,
  });
  return commands[0];
}

test.each<[string, object]>([
  ["sparse", { unique: true, sparse: true }],
  ["partial", { partialFilterExpression: { slug: { $type: "string" } } }],
  ["of another collation", { collation: { locale: "en", strength: 2 } }],
])(
  "beside a %s index of the same key, the one for a shard key has a name of its own",
  async (_what, options) => {
    const posts = database.connection.collection("posts");
    await posts.createIndex({ slug: 1 }, options);
    const found = (await posts.indexes()).map(({ key, ...rest }) => canonicalIndex("posts", key, rest));
    const command = firstCommand(found);
    expect(command).toBe('db.posts.createIndex({ slug: 1 }, { name: "slug_1_shard_key" })');
    await posts.createIndex({ slug: 1 }, { name: "slug_1_shard_key" });
    expect(await posts.indexes()).toHaveLength(3);
  },
);

test("a hidden index that supports the shard key is shown again: the server refuses a second one like it", () => {
  const hidden = canonicalIndex("posts", { slug: 1 }, { hidden: true, name: "by_slug" });
  expect(firstCommand([hidden])).toBe('db.posts.unhideIndex("by_slug")');
});
