// Explains a query on the server.
import type { Connection } from "mongoose";
import { asStored } from "../core/bson/exact.js";
import { OptimizerError, toOptimizerError } from "../core/errors.js";
import type { Document } from "../core/model.js";
import { findCommand, type NamedQuery } from "../core/named-query.js";
import { databaseOf } from "../core/server/database.js";
import { type QueryPlan, summariseExplain } from "./explain.js";

/**
 * Explains a query with execution statistics: the server runs it once.
 *
 * @throws {OptimizerError} `INVALID_QUERY` when the server can't run it; `TIMED_OUT` or `SERVER_REFUSED` when it failed on
 * the way; `UNSUPPORTED` when the answer has no plan; `NOT_AUTHORIZED`, `UNREACHABLE`
 */
export async function explainQuery(connection: Connection, query: NamedQuery): Promise<QueryPlan> {
  return summariseExplain(await explainCommand(connection, findCommand(query), query.name));
}

const failuresOfQuery: readonly string[] = ["INVALID_QUERY", "SERVER_REFUSED", "TIMED_OUT", "UNSUPPORTED"];

/** Whether it is this one query that cannot be explained or run, and not the server that is away. Pure. */
export function isFailureOfQuery({ code }: OptimizerError): boolean {
  return failuresOfQuery.includes(code);
}

/** Explains any command that can be explained. */
export async function explainCommand(
  connection: Connection,
  command: Document,
  name: string,
  options: { readonly maxTimeMS?: number } = {},
): Promise<Document> {
  try {
    const explain = { explain: command, verbosity: "executionStats", ...options };
    return await databaseOf(connection).command(explain, asStored);
  } catch (error) {
    const known = toOptimizerError(error, `Cannot explain ${name}`);
    if (known.code !== "SERVER_REFUSED") throw known;
    throw new OptimizerError("INVALID_QUERY", known.message, { cause: error });
  }
}
