import { type Collection, mongo, Types } from "mongoose";
import { actOf } from "../audit/act-of.js";
import { auditRefOf } from "../audit/canonical.js";
import type { Context } from "../context/context.js";
import { IdentityError } from "../core/errors.js";
import { unseal } from "../core/secrets.js";
import { isSound } from "../queries/run-query.js";
import type { AuditEventDocument } from "../schemas/audit-event.js";
import type { IdentityModels } from "../schemas/models.js";
import { collectionsAbout } from "./collections.js";

/** Version of the export's format. */
const formatVersion = 1;

/** One line of an export. */
export type ExportRecord =
  | { type: "export"; format: "identity-export"; version: number; userId: string; exportedAt: string }
  | { type: "document"; collection: string; document: Record<string, unknown> }
  | { type: "end"; documents: number };

export async function* exportUserData(
  context: Context,
  userId: Types.ObjectId,
): AsyncGenerator<ExportRecord, void, void> {
  const { models, now } = context;
  const user = await models.User.collection.findOne({ _id: userId }, { projection: { auditKey: 1 } });
  if (!user) throw new IdentityError("USER_NOT_FOUND", "there is no such user");
  const header = { userId: userId.toHexString(), exportedAt: now.toISOString() };
  yield { type: "export", format: "identity-export", version: formatVersion, ...header };
  let documents = 0;
  for await (const record of documentsAbout(models, userId, String(user.auditKey))) {
    documents += 1;
    yield record;
  }
  yield { type: "end", documents };
}

async function* documentsAbout(
  models: IdentityModels,
  userId: Types.ObjectId,
  auditKey: string,
): AsyncGenerator<ExportRecord, void, void> {
  for (const { model, filter, withheld, read } of collectionsAbout(userId)) {
    const { collection } = models[model];
    for await (const batch of inBatches(collection, filter)) {
      const names = await appNamesOf(models, batch);
      for (const document of batch) {
        const appName = names.get(String(document.appId));
        const told = isSound(models, collection.name, document) ? read(document) : document;
        const named = { ...told, ...(appName !== undefined && { appName }) };
        yield record(collection.name, named, withheld);
      }
    }
  }
  const { collection } = models.AuditEvent;
  const ref = auditRefOf(auditKey);
  for (const filter of [{ subjectRef: ref }, { actorRef: ref, subjectRef: { $ne: ref } }]) {
    for await (const batch of inBatches<AuditEventDocument>(collection, filter, { at: 1, _id: 1 })) {
      for (const event of batch) yield record(collection.name, describeAudit(event, ref, auditKey));
    }
  }
}

const batchLength = 500;

/**
 * The documents that match, by ids that are read first: a consumer of the export may be slow, and the server closes a
 * cursor after ten minutes without a read.
 */
async function* inBatches<D extends object = Record<string, unknown>>(
  collection: Collection,
  filter: Record<string, unknown>,
  sort: Record<string, 1 | -1> = {},
): AsyncGenerator<D[], void, void> {
  const ids: unknown[] = [];
  for await (const { _id } of collection.find(filter, { projection: { _id: 1 }, sort })) ids.push(_id);
  for (let start = 0; start < ids.length; start += batchLength) {
    const batch = { _id: { $in: ids.slice(start, start + batchLength) } } as Record<string, unknown>;
    const found = collection.find<D>({ $and: [batch, filter] }, { sort, batchSize: batchLength + 1 });
    yield await found.toArray();
  }
}

/** The names of the apps that documents are about, such as consents: an id alone tells a person nothing. */
async function appNamesOf(
  { App }: IdentityModels,
  documents: readonly Record<string, unknown>[],
): Promise<Map<string, string>> {
  const ids = documents.flatMap(({ appId }) => (appId instanceof Types.ObjectId ? [appId] : []));
  if (ids.length === 0) return new Map();
  const apps = App.collection.find({ _id: { $in: ids } }, { projection: { name: 1 } });
  return new Map((await apps.toArray()).map(({ _id, name }) => [String(_id), String(name)]));
}

/** An audit event as the person may see it: their own part in it, and nobody else's reference or whereabouts. */
function describeAudit(event: AuditEventDocument, ref: string, auditKey: string): Record<string, unknown> {
  const { _id, sealedNetwork } = event;
  const network = typeof sealedNetwork === "string" ? unseal(auditKey, sealedNetwork) : undefined;
  return {
    _id,
    ...actOf(event, network),
    isActor: event.actorRef === ref,
    isSubject: event.subjectRef === ref,
  };
}

function record(
  collection: string,
  document: Record<string, unknown>,
  withheld: readonly string[] = [],
): ExportRecord {
  return { type: "document", collection, document: plain(document, withheld) as Record<string, unknown> };
}

/** Names of fields that hold a secret, or something that only a program could tell one by. */
const secretField = /(hash|secrets?|auditkey|schemaversion)$|^sealed/i;

/**
 * The value as JSON has it, without secrets: 64-bit integers and decimals as their digits, and what JSON has no form for,
 * such as binary data, timestamps and NaN, as canonical Extended JSON.
 */
function plain(value: unknown, withheld: readonly string[] = []): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Types.ObjectId) return value.toHexString();
  if (isDigits(value)) return value.toString();
  if (Array.isArray(value)) return value.map((item) => plain(item, withheld));
  if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0)))
    return extended(new mongo.Double(value));
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return extended(new mongo.Binary(value));
  if ("_bsontype" in value || value instanceof RegExp) return extended(value);
  const fields = Object.entries(value).filter(
    ([name]) => !secretField.test(name) && !withheld.includes(name),
  );
  return Object.fromEntries(
    fields.map(([name, field]) => [name === "_id" ? "id" : name, plain(field, withheld)]),
  );
}

/** Not a timestamp, which is a kind of Long to the driver. */
function isDigits(value: unknown): value is mongo.Long | mongo.Decimal128 {
  const isLong = value instanceof mongo.Long && !(value instanceof mongo.Timestamp);
  return isLong || value instanceof mongo.Decimal128;
}

function extended(value: unknown): unknown {
  return mongo.BSON.EJSON.serialize(value as mongo.Document, { relaxed: false });
}
