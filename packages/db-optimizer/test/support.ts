import {
  type Connection,
  createConnection,
  mongo,
  Schema,
  type SchemaDefinition,
  type SchemaOptions,
} from "mongoose";
import type { Document, ModelLike } from "../src/core/model.js";
import { canonicalCollation } from "../src/indexes/collation.js";
import type { ActualCollection, ActualIndex } from "../src/indexes/inspect.js";
import { canonicalIndex } from "../src/indexes/spec.js";

/** A model that needs no server. */
export function modelOf(
  definition: SchemaDefinition,
  options: SchemaOptions & { indexes?: [Document, Document?][]; name?: string } = {},
): ModelLike {
  const { indexes = [], name = "Thing", ...schemaOptions } = options;
  const schema = new Schema(definition, { collection: "things", ...schemaOptions } as SchemaOptions);
  for (const [key, indexOptions] of indexes) schema.index(key as never, indexOptions as never);
  return createConnection().model(name, schema) as unknown as ModelLike;
}

/** An index as `listIndexes` would report it. */
export function actualIndex(key: Document, options: Document & { building?: boolean } = {}): ActualIndex {
  const { building = false, ...rest } = options;
  return { ...canonicalIndex("things", key, rest), building };
}

/** A collection as the server would have it. */
export function actualCollection(indexes: readonly ActualIndex[], options: Document = {}): ActualCollection {
  return {
    collection: "things",
    exists: true,
    type: "collection",
    options,
    collation: canonicalCollation(options.collation as Document | undefined),
    indexes,
  };
}

/**
 * The connection, with a look at each command before it is sent; the look may throw what the server would answer, or
 * return an answer of its own.
 */
export function intercepted(connection: Connection, look: (command: Document) => unknown): Connection {
  const wrap = (db: mongo.Db): mongo.Db =>
    overriding(db, {
      command: async (command: Document, ...rest: []) =>
        (await look(command)) ?? db.command(command, ...rest),
      admin: () =>
        overriding(db.admin(), {
          command: async (command: Document) => (await look(command)) ?? db.admin().command(command),
        }),
      collection: (name: string) =>
        overriding(db.collection(name), {
          aggregate: (pipeline: Document[], options: object) => {
            const cursor = db.collection(name).aggregate(pipeline, options);
            const toArray = async () => (await look({ aggregate: name, pipeline })) ?? cursor.toArray();
            return overriding(cursor, { toArray });
          },
        }),
    });
  return overriding(connection, { db: wrap(connection.db as mongo.Db) });
}

/** The same object, but for some of its members. */
export function overriding<T extends object>(target: T, over: Readonly<Record<string, unknown>>): T {
  return new Proxy(target, {
    get: (object, name) => {
      if (name in over) return over[String(name)];
      const value = Reflect.get(object, name, object);
      return typeof value === "function" ? value.bind(object) : value;
    },
  });
}

/** A write of the driver that a test answers in the server's place; `send` lets the server have it. */
export type WriteAnswer = (send: () => Promise<unknown>, ...args: unknown[]) => unknown;

/** A connection on which these methods of all collections of this name are answered as told. */
export function answeringWrites(
  connection: Connection,
  collection: string,
  answers: Readonly<Record<string, WriteAnswer>>,
): Connection {
  const { db } = connection;
  if (!db) throw new Error("the connection is not open");
  const changed = (name: string) => {
    const real = db.collection(name);
    if (name !== collection) return real;
    const over = Object.entries(answers).map(([method, answer]) => [
      method,
      (...args: unknown[]) => answer(() => Reflect.get(real, method).apply(real, args), ...args),
    ]);
    return overriding(real, Object.fromEntries(over));
  };
  return overriding(connection, { db: overriding(db, { collection: changed }) });
}

/** The server's answer, as the driver hands it on. */
export function serverError(
  code: number,
  message: string,
  labels: readonly string[] = [],
): mongo.MongoServerError {
  const error = new mongo.MongoServerError({ message, code });
  for (const label of labels) error.addErrorLabel(label);
  return error;
}

/**
 * The server's answer to a write while a primary steps down.
 * https://www.mongodb.com/docs/manual/reference/error-codes/, and the retryable writes specification on labels
 */
export const stepDowns: readonly (readonly [what: string, error: mongo.MongoError])[] = [
  ["before it is done", serverError(10_107, "not primary", ["RetryableWriteError"])],
  ["by a code without a label", serverError(189, "primary stepped down")],
  ["while it is killed", serverError(11_602, "interrupted due to repl state change")],
  ["by a network error", new mongo.MongoNetworkError("connection closed")],
];

/** The lease of a dead process runs out by itself after a minute, for which no test waits. */
export async function aMinutePasses(connection: Connection): Promise<void> {
  const leases = connection.collection<{ _id: string }>("org_db_leases");
  await leases.updateMany({}, { $set: { expiresAt: new Date(0) } });
}
