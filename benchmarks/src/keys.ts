import type { Identity } from "@org/db-models";
import { parseToken } from "@org/db-models/core";
import { placeOf, queries } from "@org/db-models/queries";
import type { mongo, Types } from "mongoose";
import { beside, type Comparison, commandsPerCall, compare, perCall } from "./measure.js";

export interface KeyBenchmark {
  /** A verification over one `findOne` by the unique key. */
  latency: Comparison;
  /** Commands per verification, by name, over ten thousand of them at a steady rate. */
  commands: Record<string, number>;
}

// At about a thousand verifications a second, so a hundred a second for each key.
const keys = 10;
const verifications = 10_000;
const quota = { remaining: 100_000_000 };

/** Verifying API keys with a quota, beside the bare read. */
export async function benchmarkKeys(identity: Identity, userId: Types.ObjectId): Promise<KeyBenchmark> {
  const { models } = identity;
  const collection = models.ApiKey.collection as unknown as mongo.Collection;
  const created: string[] = [];
  for (let index = 0; index < keys; index++) {
    const input = { userId, name: `bench ${index}`, scopes: ["repo"], quota };
    created.push((await identity.apiKeys.create(input)).key);
  }
  const filters = created.map((key) => {
    const token = parseToken("apiKey", key);
    if (!token) throw new Error("this is no API key");
    return queries.apiKeyById(placeOf(token)).filter as object;
  });
  const verify = async (index: number) => {
    const check = await identity.apiKeys.verify({
      key: created[index % keys] as string,
      scopes: ["repo:read"],
    });
    if (!check.ok) throw new Error(`the key is refused: ${check.reason}`);
  };
  const latency = await compare(verify, (index) => collection.findOne(filters[index % keys] as object));
  const commands = await commandsPerCall(models.User.db.getClient(), verify, verifications);
  await identity.close();
  return { latency, commands };
}

export function readableKeys({ latency, commands }: KeyBenchmark): string[] {
  return [`verify an API key: ${beside(latency, "one findOne")}, sending ${perCall(commands)}`];
}
