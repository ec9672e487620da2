// What a suite writes without the shard key, where a sharded cluster would have to know the shard.
import { isRefused } from "@org/db-optimizer/sharding";
import type { Model, mongo } from "mongoose";
import type { IdentityDatabase } from "../src/index.js";

type Judged = Parameters<typeof isRefused>[0];

/** Collects, as the database is used, the writes that a router before MongoDB 7.1 would refuse. */
export function noteRefusedWrites({ connection, models }: IdentityDatabase): ReadonlySet<string> {
  const keys = new Map(
    (Object.values(models) as Model<unknown>[]).map(({ collection, schema }) => [
      collection.name,
      Object.keys(schema.get("shardKey") ?? {}).map((field) => ({ field, kind: 1 as const })),
    ]),
  );
  const found = new Set<string>();
  connection.getClient().on("commandStarted", ({ command, commandName }: mongo.CommandStartedEvent) => {
    const key = keys.get(command[commandName]);
    if (!key?.length) return;
    for (const write of writesOf(command)) {
      if (isRefused(write, key))
        found.add(`${write.write} of ${command[commandName]} by ${Object.keys(write.filter)}`);
    }
  });
  return found;
}

function writesOf(command: mongo.Document): Judged[] {
  const { updates = [], deletes = [] } = command;
  return [
    ...(command.findAndModify ? [judged(command.query, command.upsert ? "upsert" : "findAndModify")] : []),
    ...updates.map(({ q, multi, upsert }: mongo.Document) =>
      judged(q, upsert ? "upsert" : multi ? "updateMany" : "updateOne"),
    ),
    ...deletes.map(({ q, limit }: mongo.Document) => judged(q, limit === 1 ? "deleteOne" : "deleteMany")),
  ];
}

function judged(filter: mongo.Document, write: NonNullable<Judged["write"]>): Judged {
  return { filter, write };
}
