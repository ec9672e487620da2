// Archives documents in another collection, once each.
import type { Connection, mongo } from "mongoose";
import { OptimizerError } from "../core/errors.js";
import { primary } from "../core/server/own-collection.js";
import { type ActualCollection, inspectIndexes } from "../indexes/inspect.js";
import type { ParsedCleanupRule } from "./rules.js";

/** Whether texts of a collection are compared by anything but their bytes unless a command says so. */
export async function isCollated(db: Pick<mongo.Db, "listCollections">, name: string): Promise<boolean> {
  const [info] = await db.listCollections({ name }, { nameOnly: false, ...primary }).toArray();
  const { collation } = ((info as mongo.CollectionInfo | undefined)?.options ?? {}) as {
    collation?: { locale?: unknown };
  };
  return collation !== undefined && collation.locale !== "simple";
}

/**
 * Checks that what is archived to collections stays in them.
 *
 * @throws {OptimizerError} `ARCHIVE_FAILED`
 */
export async function assertArchiveCollections(
  connection: Connection,
  rules: readonly ParsedCleanupRule[],
): Promise<void> {
  const archiving = rules.flatMap((rule) => {
    const { action } = rule;
    const isArchive = typeof action === "object" && "archiveToCollection" in action;
    return isArchive ? [{ rule, archive: action.archiveToCollection }] : [];
  });
  if (archiving.length === 0) return;
  const found = await inspectIndexes(connection, [...new Set(archiving.map(({ archive }) => archive))]);
  for (const { rule, archive } of archiving) {
    const problem = problemOf(
      found.find(({ collection }) => collection === archive),
      rule,
    );
    if (problem === undefined) continue;
    throw new OptimizerError(
      "ARCHIVE_FAILED",
      `Cleanup rule "${rule.name}" archives to ${archive}, ${problem}: archive to another collection`,
      { details: { rule: rule.name, archive } },
    );
  }
}

function problemOf(
  archive: ActualCollection | undefined,
  { field, retentionSeconds }: ParsedCleanupRule,
): string | undefined {
  if (!archive?.exists) return undefined;
  if (archive.type !== "collection") return `which is a ${archive.type} and takes no such documents`;
  if (archive.options.capped === true) return "which is capped and forgets its oldest documents";
  const expiring = archive.indexes.find(
    ({ keys: [first], expireAfterSeconds }) =>
      expireAfterSeconds !== undefined && first?.field === field && expireAfterSeconds <= retentionSeconds,
  );
  return expiring && `whose TTL index ${expiring.name} deletes expired documents at once`;
}
