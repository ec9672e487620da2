// The collections that a migration goes between: documents of both are found, changed and removed by their `_id`.
import type { Connection, mongo } from "mongoose";
import { OptimizerError } from "../core/errors.js";
import { databaseOf } from "../core/server/database.js";
import { primary } from "../core/server/own-collection.js";
import type { Migration } from "./definition.js";

/**
 * Checks, before anything is written, that no collection of a migration is one whose documents cannot be kept in step.
 *
 * @see https://www.mongodb.com/docs/manual/core/timeseries/timeseries-limitations/
 * @see https://www.mongodb.com/docs/manual/core/capped-collections/
 * @throws {OptimizerError} `INVALID_MIGRATION`
 */
export async function assertPlaces(
  connection: Connection,
  { name, source, targets }: Migration,
): Promise<void> {
  const wanted = { name: { $in: [source, ...targets] } };
  const infos = await databaseOf(connection)
    .listCollections(wanted, { nameOnly: false, ...primary })
    .toArray();
  for (const info of infos) {
    const problem = problemOf(info as mongo.CollectionInfo, info.name !== source);
    if (problem !== undefined)
      throw new OptimizerError("INVALID_MIGRATION", `Migration "${name}": ${info.name} is ${problem}`, {
        details: { migration: name, collection: info.name },
      });
  }
}

function problemOf({ type, options }: mongo.CollectionInfo, isTarget: boolean): string | undefined {
  if (type === "view") return "a view, which cannot be written to";
  if (type === "timeseries") return "a time series, whose documents have no unique _id";
  return isTarget && options?.capped === true ? "capped, and forgets its oldest documents" : undefined;
}
