import {
  type Connection,
  createConnection,
  type Model,
  type mongo,
  Schema,
  type SchemaDefinition,
  type SchemaOptions,
} from "mongoose";
import { canonicalCollation } from "../src/indexes/collation.js";
import type { ActualCollection, ActualIndex } from "../src/indexes/inspect.js";
import { canonicalIndex } from "../src/indexes/spec.js";
import type { Document, ModelLike } from "../src/model.js";

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

/** Any Mongoose model as the narrow type that this package asks for. */
export function asModel<T>(model: Model<T>): ModelLike {
  return model;
}

/**
 * The connection, with a look at each command before it is sent; the look may throw what the server would answer, or
 * return an answer of its own.
 */
export function intercepted(connection: Connection, look: (command: Document) => unknown): Connection {
  const wrap = (db: mongo.Db): mongo.Db =>
    proxy(db, {
      command: async (command: Document, ...rest: []) =>
        (await look(command)) ?? db.command(command, ...rest),
      admin: () =>
        proxy(db.admin(), {
          command: async (command: Document) => (await look(command)) ?? db.admin().command(command),
        }),
      collection: (name: string) =>
        proxy(db.collection(name), {
          aggregate: (pipeline: Document[], options: object) => {
            const cursor = db.collection(name).aggregate(pipeline, options);
            const toArray = async () => (await look({ aggregate: name, pipeline })) ?? cursor.toArray();
            return proxy(cursor, { toArray });
          },
        }),
    });
  return proxy(connection, { db: wrap(connection.db as mongo.Db) });
}

function proxy<T extends object>(target: T, instead: object): T {
  return new Proxy(target, {
    get: (_, key) => {
      const own = Reflect.get(instead, key);
      const value = own ?? Reflect.get(target, key);
      return typeof value === "function" && own === undefined ? value.bind(target) : value;
    },
  });
}
