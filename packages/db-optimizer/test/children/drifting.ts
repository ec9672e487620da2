import { type Connection, Schema } from "mongoose";
import type { DatabaseOptimizer, ModelLike, Plan } from "../../src/index.js";

const caseless = { locale: "en", strength: 2 };

/** Models whose database, as {@link seedDrift} leaves it, takes a step of nearly every kind. */
export function driftingModels(connection: Connection, extra = false): ModelLike[] {
  const schema = new Schema({}, { collection: "things", strict: false });
  schema.index({ a: 1, n: -1 });
  schema.index({ b: 1 }, { unique: true });
  schema.index({ d: 1 }, { expireAfterSeconds: 8_640_000 });
  schema.index({ h: 1 });
  schema.index({ u: 1 }, { unique: true });
  schema.index({ r: 1 }, { sparse: true });
  schema.index({ c: 1 }, { unique: true, collation: caseless });
  if (extra) schema.index({ z: 1 });
  return [connection.model("Thing", schema)];
}

/** The plan, with the index that nobody wants any more. */
export async function driftingPlan(optimizer: DatabaseOptimizer): Promise<Plan> {
  const names = (await optimizer.inspect()).extra.map(({ collection, name }) => `${collection}.${name}`);
  return (await optimizer.plan({ drop: names.filter((name) => name === "things.stray") })).plan;
}

/** Brings the database out of line. */
export async function seedDrift(connection: Connection): Promise<void> {
  await connection.dropDatabase();
  const things = connection.collection("things");
  const at = new Date("2096-01-01T00:00:00Z");
  await things.insertMany(
    Array.from({ length: 400 }, (_, n) => ({
      a: n % 7,
      n,
      b: n,
      d: at,
      h: n,
      u: n,
      r: n,
      c: `c${n}`,
      own: n,
    })),
  );
  await things.createIndex({ d: 1 }, { expireAfterSeconds: 86_400_000 });
  await things.createIndex({ h: 1 }, { hidden: true });
  await things.createIndex({ u: 1 });
  await things.createIndex({ r: 1 });
  await things.createIndex({ c: 1 }, { unique: true });
  await things.createIndex({ own: 1 }, { name: "own" });
  await things.createIndex({ own: -1, n: 1 }, { name: "stray" });
}
