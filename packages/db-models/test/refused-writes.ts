// Writes of a suite that a sharded cluster would refuse.
import { isRefused } from "@org/db-optimizer/sharding";
import type { Model, mongo } from "mongoose";
import type { IdentityDatabase } from "../src/index.js";

type Query = Parameters<typeof isRefused>[0];

interface Judged {
  readonly filter: Query["filter"];
  readonly write: NonNullable<Query["write"]>;
  /** Fields that it changes, by their paths. */
  readonly changed: readonly string[];
}

/** The `comment` of writes that a test makes by hand, as somebody with a shell could: they need not run on a sharded cluster. */
export const byHand = "by hand";

/**
 * Collects, as the database is used, the writes that a router before MongoDB 7.1 would refuse, and those that change the
 * field by which their document lies on its shard, which are refused but for retried ones of a single document.
 */
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
    if (!key?.length || command.comment === byHand) return;
    for (const { filter, write, changed } of writesOf(command)) {
      const moves = key.some(({ field }) => changed.includes(field));
      if (moves || isRefused({ filter, write }, key))
        found.add(`${write} of ${command[commandName]} by ${Object.keys(filter)}: ${changed}`);
    }
  });
  return found;
}

function writesOf(command: mongo.Document): Judged[] {
  const { updates = [], deletes = [] } = command;
  const { query, update, upsert } = command;
  return [
    ...(command.findAndModify ? [judged(query, upsert ? "upsert" : "findAndModify", changedBy(update))] : []),
    ...updates.map(({ q, u, multi, upsert }: mongo.Document) =>
      judged(q, upsert ? "upsert" : multi ? "updateMany" : "updateOne", changedBy(u)),
    ),
    ...deletes.map(({ q, limit }: mongo.Document) => judged(q, limit === 1 ? "deleteOne" : "deleteMany", [])),
  ];
}

function judged(filter: mongo.Document, write: Judged["write"], changed: readonly string[]): Judged {
  return { filter, write, changed };
}

function changedBy(update: mongo.Document | mongo.Document[] = {}): string[] {
  const stages = Array.isArray(update) ? update : [update];
  return stages.flatMap(({ $setOnInsert: _, ...operators }) =>
    Object.entries(operators).flatMap(([operator, fields]) =>
      operator.startsWith("$") && typeof fields === "object" && fields !== null ? Object.keys(fields) : [],
    ),
  );
}
