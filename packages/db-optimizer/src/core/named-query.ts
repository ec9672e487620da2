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
  /** Name of the index that is meant to serve it; another winner is then worth a word of advice. */
  readonly index?: string;
}

/**
 * The queries themselves: reports and observations tell them apart by their names.
 *
 * @throws {OptimizerError} `INVALID_QUERY` when two have one name
 */
export function checkedQueries(queries: readonly NamedQuery[]): readonly NamedQuery[] {
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
