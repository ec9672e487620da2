import { defineModels, type NamedQuery } from "@org/db-models";
import { shapesOfQueries } from "@org/db-models/queries";
import { initialize } from "@org/db-optimizer";
import { readShardPlan, type ShardPlan, type Target, targetOf } from "@org/db-optimizer/sharding";
import { loadIdentityData } from "@org/dev-kit/identity-data";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeAll, describe, expect, it } from "vitest";

const temporary = useTemporaryDatabase({ label: "shards" });
const queries: readonly NamedQuery[] = shapesOfQueries();

/** Collections that stay on one shard: they grow with people, apps and keys, not with time. */
const unsharded = [
  "admin_approvals",
  "administrators",
  "app_usage",
  "apps",
  "audit_checkpoints",
  "bulk_job_items",
  "bulk_jobs",
  "cache_heartbeats",
  "erasures",
  "sign_in_reports",
  "signing_keys",
  "user_factors",
  "users",
];

/** Hot queries that ask more than one shard, and why. */
const wide: Readonly<Record<string, string>> = {
  auditChain: "verification reads a stretch of a chain, which may lie on two shards",
  riskCountersOf: "nine values that people share: each has a counter of its own",
};

const keyOf = (models: ReturnType<typeof defineModels>, collection: string) => {
  const model = Object.values(models).find((one) => one.collection.name === collection);
  const { shardKey } = (model?.schema.options ?? {}) as { shardKey?: Record<string, 1> };
  return shardKey && Object.keys(shardKey).map((field) => ({ field, kind: 1 as const }));
};

describe("the shard keys that our models declare", () => {
  const models = () => defineModels(temporary.connection);
  let plan: ShardPlan;

  beforeAll(async () => {
    const all = Object.values(models());
    await initialize(temporary.connection, all);
    const db = temporary.connection.db;
    if (!db) throw new Error("the connection has no database");
    await loadIdentityData(db, { users: 1_000, sessions: 4_000, seed: 7 });
    plan = await readShardPlan(temporary.connection, all, { queries, worthwhileBytes: 0 });
  });

  it("are there for each collection that grows without bound", () => {
    const without = Object.values(models()).filter(({ collection }) => !keyOf(models(), collection.name));
    expect(without.map(({ collection }) => collection.name).sort()).toEqual(unsharded);
  });

  it.each(queries.map((query) => [query.name, query] as const))(
    "%s asks as few shards as it can",
    (name, query) => {
      const key = keyOf(models(), query.collection);
      if (!key) return expect(unsharded).toContain(query.collection);
      const target: Target = targetOf(query, key);
      if (query.rare) return expect(target).not.toBe("one_shard");
      expect(target).toBe(name in wide ? "some_shards" : "one_shard");
    },
  );

  it("have 80 points or more, lose no unique index, and come with their commands", () => {
    expect(plan.unknown).toEqual([]);
    const sharded = plan.collections.filter(({ collection }) => keyOf(models(), collection));
    for (const { collection, verdict, candidates, commands } of sharded) {
      const [best] = candidates;
      expect({ collection, verdict, key: best?.key }).toEqual({
        collection,
        verdict: "shard",
        key: keyOf(models(), collection),
      });
      expect({ collection, forbids: best?.forbids }).toEqual({ collection, forbids: [] });
      expect(best?.points, `${collection}: ${best?.problems}`).toBeGreaterThanOrEqual(80);
      expect(commands.at(-1)).toContain(`sh.shardCollection("${temporary.connection.name}.${collection}"`);
      // An index that is there anyway supports the key.
      expect(commands.filter((command) => command.includes("createIndex"))).toEqual([]);
    }
  });
});
