import { generateIdentityData, loadIdentityData } from "@org/dev-kit/identity-data";
import type { Model } from "mongoose";
import { beforeAll, describe, expect, it } from "vitest";
import { type NamedQuery, sampleQueries } from "../src/index.js";
import { queries } from "../src/queries/queries.js";
import { shapesOfQueries } from "../src/queries/sample-queries.js";
import { useIdentityDatabase } from "./database.js";

// Far ahead of the server's clock, whose TTL monitor would otherwise take documents of a frozen past away.
const now = new Date("2096-11-01T12:00:00.000Z");
const data = { users: 2_000, sessions: 8_000, seed: 20_261_101, now };

interface SlotFields {
  _id: unknown;
  userId: unknown;
  slot: number;
  security?: { maxConcurrentSessions?: number };
}

interface Stage {
  stage?: string;
  indexName?: string;
  inputStage?: Stage;
  inputStages?: Stage[];
  /** Of a plan from mongos: one for each shard. https://www.mongodb.com/docs/manual/reference/explain-results/ */
  shards?: readonly { readonly winningPlan: Stage }[];
}

function stagesOf(stage: Stage): Stage[] {
  const { inputStage, inputStages = [], shards = [] } = stage;
  const below = [
    ...(inputStage ? [inputStage] : []),
    ...inputStages,
    ...shards.map((one) => one.winningPlan),
  ];
  return [stage, ...below.flatMap(stagesOf)];
}

describe("named queries", () => {
  const database = useIdentityDatabase();
  const samples: NamedQuery[] = [];

  beforeAll(async () => {
    const { connection, models } = database();
    await loadIdentityData(connection.db!, data);
    samples.push(...(Object.values(await sampleQueries(models, now)) as NamedQuery[]));
  });

  it.each(shapesOfQueries().map(({ name }) => name))(
    "%s scans its own index, sorts in it, and examines what it returns",
    async (name) => {
      const query = samples.find((sample) => sample.name === name)!;
      const cursor = database()
        .connection.db!.collection(query.collection)
        .find(query.filter as object);
      if (query.sort) cursor.sort({ ...query.sort });
      if (query.limit) cursor.limit(query.limit);
      const { queryPlanner, executionStats } = await cursor.explain("executionStats");
      const stages = stagesOf(queryPlanner.winningPlan as Stage);
      const names = stages.map(({ stage }) => stage);
      expect(names).not.toContain("COLLSCAN");
      expect(names).not.toContain("SORT");
      expect(stages.flatMap(({ indexName }) => indexName ?? [])).toEqual([query.index]);
      expect(executionStats.totalDocsExamined).toBe(executionStats.nReturned);
    },
  );

  it("find something in the generated data, so that the proof is not about nothing", async () => {
    const { connection } = database();
    const empty: string[] = [];
    for (const { name, collection, filter } of samples) {
      if (!(await connection.db!.collection(collection).findOne(filter as object))) empty.push(name);
    }
    expect(empty).toEqual([]);
  });
});

describe("indexes", () => {
  const database = useIdentityDatabase();
  const models = () => Object.values(database().models) as Model<unknown>[];

  it("each serve a named query, a uniqueness rule or a TTL rule", () => {
    const served = new Set(shapesOfQueries().map(({ collection, index }) => `${collection}.${index}`));
    const idle = models().flatMap(({ collection, schema }) =>
      schema
        .indexes()
        .filter(([, { unique, expireAfterSeconds }]) => !unique && expireAfterSeconds === undefined)
        .map(([, { name }]) => `${collection.name}.${name}`)
        .filter((index) => !served.has(index)),
    );
    expect(idle).toEqual([]);
  });

  // With equal values at the edge of a page, two reads would give different documents.
  it("order every list by a unique key", () => {
    const unique = new Set(
      models().flatMap(({ collection, schema }) =>
        schema
          .indexes()
          .filter(([, options]) => options.unique)
          .map(([, options]) => `${collection.name}.${options.name}`),
      ),
    );
    const loose = shapesOfQueries()
      .filter(({ collection, index, sort = {} }) => {
        const keys = Object.keys(sort);
        return keys.length > 0 && keys.at(-1) !== "_id" && !unique.has(`${collection}.${index}`);
      })
      .map(({ name }) => name);
    expect(loose).toEqual([]);
  });

  it("are as many as the specification asks for", () => {
    const count = (...names: string[]) =>
      models()
        .filter(({ collection }) => names.includes(collection.name))
        .reduce((sum, { schema }) => sum + schema.indexes().length, 0);
    expect(count("users")).toBeGreaterThanOrEqual(15);
    expect(count("user_sessions")).toBeGreaterThanOrEqual(8);
    expect(count("apps", "app_tokens", "app_permissions")).toBeGreaterThanOrEqual(12);
  });

  it("have a sample for every query, and the name of the query is its key", () => {
    expect(shapesOfQueries().map(({ name }) => name)).toEqual(Object.keys(queries));
  });
});

describe("generated data", () => {
  const database = useIdentityDatabase();

  it("satisfies every bound of the schemas", async () => {
    const models = new Map(
      Object.values(database().models).map((model) => [model.collection.name, model as Model<unknown>]),
    );
    for (const { collection, document } of generateIdentityData({ users: 150, sessions: 600, seed: 7 })) {
      const model = models.get(collection)!;
      await new model(document).validate();
    }
  });

  it("keeps every user's live sessions under the cap, on slots of their own", async () => {
    const caps = new Map<string, number>();
    const slots = new Map<string, number[]>();
    for (const { collection, document } of generateIdentityData({ users: 300, sessions: 3_000, seed: 11 })) {
      const { _id, userId, slot, security } = document as Partial<SlotFields>;
      if (collection === "users") caps.set(String(_id), security?.maxConcurrentSessions ?? 10);
      if (slot !== undefined) slots.set(String(userId), [...(slots.get(String(userId)) ?? []), slot]);
    }
    for (const [user, taken] of slots) {
      expect(new Set(taken).size).toBe(taken.length);
      expect(Math.max(...taken)).toBeLessThan(caps.get(user)!);
    }
  });
});
