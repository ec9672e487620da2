// Named queries: their shape, and that no two share a name.
import { OptimizerError } from "./errors.js";

/** A query that a product's speed depends on, as plain data: what is run is also what is explained and timed. */
export interface NamedQuery {
  readonly name: string;
  readonly collection: string;
  readonly filter: Readonly<Record<string, unknown>>;
  readonly sort?: Readonly<Record<string, 1 | -1>>;
  readonly projection?: Readonly<Record<string, 0 | 1>>;
  readonly limit?: number;
  readonly skip?: number;
  readonly collation?: Readonly<{ locale: string } & Record<string, unknown>>;
  readonly hint?: string | Readonly<Record<string, 1 | -1>>;
  /**
   * True for one that people or jobs ask now and then: on a sharded cluster it may ask every shard, and costs a shard key no
   * points. Default false.
   */
  readonly rare?: boolean;
  /**
   * The write that the filter is of, where it is no read: on a sharded cluster a write to one document has to say on which
   * shard it is. `upsert` stands for any write that inserts what it does not find.
   */
  readonly write?: NamedWrite;
  /** Name of the index that is meant to serve it; another winner is then worth a word of advice. */
  readonly index?: string;
}

const writes = ["updateOne", "updateMany", "deleteOne", "deleteMany", "findAndModify", "upsert"] as const;

/** A write that a named query may be of, in MongoDB's words. */
export type NamedWrite = (typeof writes)[number];

/**
 * The queries themselves: reports and observations tell them apart by their names.
 *
 * @throws {OptimizerError} `INVALID_QUERY` when two have one name, and for a `write` that there is not
 */
export function checkedQueries(queries: readonly NamedQuery[]): readonly NamedQuery[] {
  const unknown = queries.find(({ write }) => write !== undefined && !writes.includes(write));
  if (unknown) {
    const message = `The write of "${unknown.name}" must be one of ${writes.join(", ")}`;
    throw new OptimizerError("INVALID_QUERY", message, { details: { query: unknown.name } });
  }
  const names = queries.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice === undefined) return queries;
  throw new OptimizerError("INVALID_QUERY", `Two named queries are named "${twice}"`, {
    details: { query: twice },
  });
}

/** A MongoDB `find` command for the query. */
export function findCommand(query: NamedQuery): Record<string, unknown> {
  const { collection, filter, sort, projection, limit, skip, collation, hint } = query;
  return {
    find: collection,
    filter,
    ...(sort && { sort }),
    ...(projection && { projection }),
    ...(limit && { limit }),
    ...(skip && { skip }),
    ...(collation && { collation }),
    ...(hint && { hint }),
  };
}
