import type { Connection } from "mongoose";
import { expect, test } from "vitest";

import { shardKeysOf } from "../../src/indexes/shard-keys.js";

// The engine of the tests is no router: these are a router's documented answers.
function connectionTo(hello: object, collections: object[]): Connection {
  const config = { collection: () => ({ find: () => ({ toArray: async () => collections }) }) };
  return {
    db: { databaseName: "shop", command: async () => hello },
    getClient: () => ({ db: () => config }),
  } as unknown as Connection;
}

test("a router names the shard keys of this database's collections", async () => {
  const collections = [
    { _id: "shop.orders", key: { customer: 1, number: "hashed" } },
    { _id: "shopping.carts", key: { a: 1 } },
    // As MongoDB 8.0 lists a collection that is not sharded, and older ones one that was dropped.
    { _id: "shop.plain", key: { _id: 1 }, unsplittable: true },
    { _id: "shop.gone", key: { a: 1 }, dropped: true },
  ];
  const keys = await shardKeysOf(connectionTo({ msg: "isdbgrid" }, collections));
  expect([...keys]).toEqual([
    [
      "orders",
      [
        { field: "customer", kind: 1 },
        { field: "number", kind: "hashed" },
      ],
    ],
  ]);
});

test("elsewhere there are none, and nothing is asked for", async () => {
  expect((await shardKeysOf(connectionTo({ setName: "rs" }, [{ _id: "shop.a", key: { a: 1 } }]))).size).toBe(
    0,
  );
});
