// Indexes as commands, for the server and for people.
import type { mongo } from "mongoose";
import { isPattern } from "../core/bson/exact.js";
import type { Document } from "../core/model.js";
import type { NamedQuery } from "../core/named-query.js";
import { type Collation, shortCollation } from "./collation.js";
import { type IndexOption, type IndexSpec, optionTexts } from "./spec.js";

/** The entry of a `createIndexes` command that builds this index. */
export function createIndexEntry(index: IndexSpec, collectionDefault: Collation | null = null): Document {
  return { key: keyDocument(index), name: index.name, ...indexOptions(index, collectionDefault) };
}

function keyDocument({ keys }: Pick<IndexSpec, "keys">): Document {
  return Object.fromEntries(keys.map(({ field, kind }) => [field, kind]));
}

function indexOptions(index: IndexSpec, collectionDefault: Collation | null): Document {
  const { expireAfterSeconds, partialFilterExpression, wildcardProjection, geo2d, text } = index;
  return {
    ...(index.unique && { unique: true }),
    ...(index.sparse && { sparse: true }),
    ...(index.hidden && { hidden: true }),
    ...(index.prepareUnique && !index.unique && { prepareUnique: true }),
    ...(expireAfterSeconds !== undefined && { expireAfterSeconds }),
    ...(partialFilterExpression && { partialFilterExpression }),
    ...(wildcardProjection && { wildcardProjection }),
    ...geo2d,
    ...(text && {
      weights: text.weights,
      default_language: text.defaultLanguage,
      language_override: text.languageOverride,
    }),
    ...collationOption(index, collectionDefault),
  };
}

// Left out, the collection's default would take its place.
function collationOption({ collation }: IndexSpec, collectionDefault: Collation | null): Document {
  // The server fills in the locale's own options: its version of ICU knows them.
  if (collation) return { collation: shortCollation(collation) };
  return collation === null && collectionDefault ? { collation: { locale: "simple" } } : {};
}

/** The mongosh command that builds the index. */
export function createIndexText(index: IndexSpec, collectionDefault: Collation | null = null): string {
  const { key, ...options } = createIndexEntry(index, collectionDefault);
  return `${collectionText(index.collection)}.createIndex(${shellText(key)}, ${shellText(options)})`;
}

/** One option of an index, as a person would write it. */
export function optionText(index: IndexSpec, option: IndexOption): string {
  switch (option) {
    case "keys":
      return shellText(keyDocument(index));
    case "collation":
      return index.collation ? shellText(shortCollation(index.collation)) : "simple";
    case "partialFilterExpression":
    case "text":
    case "wildcardProjection":
    case "geo2d":
      return index[option] ? shellText(index[option]) : "none";
    default:
      return optionTexts(index)[option];
  }
}

/** The mongosh command that changes an index in place. */
export function collModText(collection: string, index: Document, options: Document = {}): string {
  return `db.runCommand(${shellText({ collMod: collection, index, ...options })})`;
}

/** The mongosh command that drops an index. */
export function dropIndexText(collection: string, name: string): string {
  return `${collectionText(collection)}.dropIndex(${JSON.stringify(name)})`;
}

/**
 * `db.users`, or `db.getCollection("odd name")`: to mongosh `db._moves` is undefined, and `db.stats` a method.
 *
 * @see https://www.mongodb.com/docs/manual/reference/method/js-database/
 */
export function collectionText(collection: string): string {
  const isProperty = /^[A-Za-z]\w*$/.test(collection) && !methods.has(collection);
  return isProperty && !(collection in Object.prototype)
    ? `db.${collection}`
    : `db.getCollection(${JSON.stringify(collection)})`;
}

/** A named query as it is asked in mongosh. */
export function findText(query: NamedQuery): string {
  const { collection, filter, projection } = query;
  const given = [filter, ...(projection ? [projection] : [])].map(shellText).join(", ");
  const calls = (["sort", "skip", "limit", "collation", "hint"] as const)
    .filter((name) => query[name])
    .map((name) => `.${name}(${shellText(query[name])})`);
  return `${collectionText(collection)}.find(${given})${calls.join("")}`;
}

const methods: ReadonlySet<string> = new Set(
  `adminCommand aggregate auth changeUserPassword checkMetadataConsistency cloneCollection cloneDatabase commandHelp copyDatabase
   createCollection createEncryptedCollection createRole createUser createView currentOp disableFreeMonitoring dropAllRoles
   dropAllUsers dropDatabase dropRole dropUser enableFreeMonitoring fsyncLock fsyncUnlock getCollection getCollectionInfos
   getCollectionNames getFreeMonitoringStatus getLastError getLastErrorObj getLogComponents getMongo getName getProfilingStatus
   getReplicationInfo getRole getRoles getSiblingDB getUser getUsers grantPrivilegesToRole grantRolesToRole grantRolesToUser
   hello help hostInfo isMaster killOp listCommands logout printCollectionStats printReplicationInfo
   printSecondaryReplicationInfo printShardingStatus printSlaveReplicationInfo revokePrivilegesFromRole revokeRolesFromRole
   revokeRolesFromUser rotateCertificates runCommand serverBits serverBuildInfo serverCmdLineOpts serverStatus setLogLevel
   setProfilingLevel setSecondaryOk shutdownServer sql stats updateRole updateUser version watch`.split(
    /\s+/,
  ),
);

/** A value as mongosh takes it. */
export function shellText(value: unknown): string {
  if (value instanceof Date)
    return Number.isNaN(value.getTime())
      ? "new Date(NaN)"
      : `ISODate(${JSON.stringify(value.toISOString())})`;
  if (typeof value === "bigint") return `Long(${JSON.stringify(String(value))})`;
  if (isPattern(value)) return patternText(value);
  if (Array.isArray(value)) return `[${value.map(shellText).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "undefined";
  if ("_bsontype" in value) return `${String(value._bsontype)}(${JSON.stringify(String(value))})`;
  const fields = Object.entries(value).map(([key, inner]) => `${keyText(key)}: ${shellText(inner)}`);
  return fields.length > 0 ? `{ ${fields.join(", ")} }` : "{}";
}

// A pattern that is valid for the server (PCRE) may be invalid in JavaScript.
function patternText(value: RegExp | mongo.BSONRegExp): string {
  if (value instanceof RegExp) return String(value);
  return `BSONRegExp(${JSON.stringify(value.pattern)}, ${JSON.stringify(value.options)})`;
}

function keyText(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
}
