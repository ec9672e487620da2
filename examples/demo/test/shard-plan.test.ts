import { defineModels, type NamedQuery } from "@org/db-models";
import { shapesOfQueries } from "@org/db-models/queries";
import { initialize } from "@org/db-optimizer";
import { readShardPlan } from "@org/db-optimizer/sharding";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { expect, it } from "vitest";

const temporary = useTemporaryDatabase({ label: "shards" });

it("weighs a shard key for every collection of the identity models", async () => {
  const models = Object.values(defineModels(temporary.connection));
  await initialize(temporary.connection, models);
  const queries: NamedQuery[] = shapesOfQueries();
  const { collections, unknown } = await readShardPlan(temporary.connection, models, { queries });
  expect(unknown).toEqual([]);
  expect(collections).toHaveLength(models.length);
  const best = (name: string) => {
    const first = collections.find(({ collection }) => collection === name)?.candidates[0];
    return { key: first?.key.map(({ field }) => field).join(", "), forbids: first?.forbids };
  };
  expect(best("app_permissions")).toEqual({ key: "userId", forbids: [] });
  expect(best("usage_buckets")).toEqual({ key: "userId", forbids: [] });
  // A session is found by its handle, which belongs to no user before it is found.
  expect(best("user_sessions")).toEqual({ key: "userId", forbids: ["handle_unique"] });
  // The hash lies in an array of secrets, by which nothing can be sharded.
  const keys = collections.flatMap(({ candidates }) =>
    candidates.flatMap(({ key }) => key.map(({ field }) => field)),
  );
  expect(keys).not.toContain("secrets.keyHash");
});
