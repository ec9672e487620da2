// The values that keep an index from being unique, and the documents that share them.
import type { Connection } from "mongoose";
import { OptimizerError } from "../../core/errors.js";
import { mapLimited } from "../../core/limited.js";
import type { Document } from "../../core/model.js";
import { databaseOf } from "../../core/server/database.js";
import { primary } from "../../core/server/own-collection.js";
import { ownWork } from "../../core/server/own-work.js";
import { stableText } from "../canonical.js";
import { shortCollation } from "../collation.js";
import type { IndexSpec } from "../spec.js";

/** One value that several documents share. */
export interface Duplicate {
  /**
   * Field by field, as the index sees it; `null` also stands for an absent field. Empty where the server names only the
   * documents: it does so of values inside arrays.
   */
  readonly value: Readonly<Document>;
  readonly count: number;
  /** Ids of the documents, ten at most. */
  readonly ids: readonly unknown[];
}

const shown = 10;

/**
 * Values that keep an index from being unique, the most frequent first, ten at most. Reads the whole collection (or
 * the part under the partial filter), so it is for after a refusal.
 */
async function findDuplicates(connection: Connection, index: IndexSpec): Promise<Duplicate[]> {
  const fields = index.keys.map(({ field }) => field);
  const collection = databaseOf(connection).collection(index.collection, primary);
  const options = index.collation ? { collation: shortCollation(index.collation) } : {};
  const found = await collection
    .aggregate<{ _id: Document; count: number }>(duplicatesPipeline(index, fields), {
      allowDiskUse: true,
      ...ownWork,
      ...options,
    })
    .toArray();
  // The ids are looked up afterwards: a group that held them could outgrow the server's memory.
  return mapLimited(found, 4, async ({ _id, count }) => {
    const value = Object.fromEntries(fields.map((field, position) => [field, _id[`k${position}`]]));
    const equal = Object.entries(value).map(([field, is]) => ({ [field]: { $eq: is } }));
    const filter = { $and: [...equal, index.partialFilterExpression ?? {}] };
    const holders = await collection
      .find(filter, { projection: { _id: 1 }, ...options, ...ownWork })
      .limit(shown)
      .toArray();
    return { value, count, ids: holders.map((holder) => holder._id) };
  });
}

function duplicatesPipeline(index: IndexSpec, fields: readonly string[]): Document[] {
  const keys = fields.map((field, position) => [`k${position}`, { $ifNull: [`$${field}`, null] }]);
  return [
    ...(index.partialFilterExpression ? [{ $match: index.partialFilterExpression }] : []),
    ...(index.sparse ? [{ $match: { $or: fields.map((field) => ({ [field]: { $exists: true } })) } }] : []),
    { $group: { _id: Object.fromEntries(keys), count: { $sum: 1 } } },
    { $match: { count: { $gt: 1 } } },
    { $sort: { count: -1 } },
    { $limit: shown },
  ];
}

/** An error that names the values and the documents that share them. */
export async function duplicatesError(
  connection: Connection,
  index: IndexSpec,
  cause: unknown,
): Promise<OptimizerError> {
  // The server has refused: report that even if the values cannot be looked up.
  const duplicates = await findDuplicates(connection, index).catch(() => []);
  const named = duplicates.length > 0 ? duplicates : toldByServer(cause);
  const first = named.slice(0, 3).map(({ value, count, ids }) => {
    const who = ids.length > 0 ? ` (${ids.slice(0, 5).map(String).join(", ")})` : "";
    return `${plain(value)} ${count} times${who}`;
  });
  const message = `${index.collection}.${index.name} cannot be unique: ${first.join("; ") || "values are duplicated"}`;
  const advice = await absenceAdvice(connection, index, named);
  return new OptimizerError("DUPLICATES", [message, ...advice].join(". "), {
    cause,
    details: { collection: index.collection, index: index.name, duplicates: named },
  });
}

// Documents without a field all have the value null in the index. To merge or remove them is seldom what is meant.
async function absenceAdvice(
  connection: Connection,
  { collection, keys }: IndexSpec,
  duplicates: readonly Duplicate[],
): Promise<string[]> {
  const fields = keys.map(({ field }) => field);
  const absent = fields.filter((field) => duplicates.some(({ value }) => value[field] === null));
  if (absent.length === 0) return [];
  const values = await mapLimited(absent, 2, (field) => readTypes(connection, collection, field));
  const filter = absent.map((field, at) => `${JSON.stringify(field)}: { $type: ${typeText(values[at])} }`);
  const partial = `partialFilterExpression: { ${filter.join(", ")} }`;
  // A sparse index leaves documents out that lack the field, and not those that store null in it.
  const sparse = fields.length === 1 && values[0]?.storesNull === false ? "sparse: true, or " : "";
  const typed = values.every((one) => one && one.types.length > 0);
  return [
    `null also stands for documents without ${absent.join(" and ")}: to let them be, give the index ${sparse}${partial}${typed ? "" : " with the type that its values have"}`,
  ];
}

/** The BSON types of a field's values, the most frequent first. */
interface FieldTypes {
  readonly types: readonly string[];
  readonly storesNull: boolean;
}

const typesSampled = 1_000;

// An index of an array has its elements. `undefined` when it cannot be read.
async function readTypes(
  connection: Connection,
  collection: string,
  field: string,
): Promise<FieldTypes | undefined> {
  const documents = databaseOf(connection).collection(collection, primary);
  try {
    const found = await documents
      .aggregate<{ _id: string }>(
        [
          { $match: { [field]: { $ne: null } } },
          { $limit: typesSampled },
          { $project: { _id: 0, value: `$${field}` } },
          { $unwind: "$value" },
          { $group: { _id: { $type: "$value" }, count: { $sum: 1 } } },
          { $sort: { count: -1, _id: 1 } },
        ],
        ownWork,
      )
      .toArray();
    const stored = await documents.findOne(
      { [field]: { $type: "null" } },
      { projection: { _id: 1 }, ...ownWork },
    );
    const types = found
      .map(({ _id }) => (numbers.has(_id) ? "number" : _id))
      .filter((type) => type !== "null");
    return { types: [...new Set(types)], storesNull: stored !== null };
  } catch {
    return undefined;
  }
}

const numbers = new Set(["int", "long", "double", "decimal"]);

function typeText({ types }: FieldTypes = { types: [], storesNull: true }): string {
  const [first = "string", ...others] = types;
  return JSON.stringify(others.length > 0 ? types : first);
}

// Duplicates inside arrays show only in the server's own answer: to a build with a value, to a conversion with all ids.
function toldByServer(cause: unknown): Duplicate[] {
  const answer = (cause ?? {}) as { keyValue?: Document; violations?: { ids: unknown[] }[] };
  const { keyValue, violations } = answer;
  if (!violations) return keyValue ? [{ value: keyValue, count: 2, ids: [] }] : [];
  return violations
    .slice(0, shown)
    .map(({ ids }) => ({ value: {}, count: ids.length, ids: ids.slice(0, shown) }));
}

function plain(value: Document): string {
  if (Object.keys(value).length === 0) return "one value";
  return stableText(value).replace(/^\{"value":(.*)\}$/, "$1");
}
