import { type Collection, mongo } from "mongoose";
import { IdentityError } from "../core/errors.js";

type Plain = Record<string, unknown>;

/** Turns a document of one `schemaVersion` into the next; pure, and without setting the version. */
export type UpgradeStep = (document: Plain) => Plain;

/** Result of an eager upgrade. */
export interface UpgradeReport {
  /** Documents of an older version that were found. */
  found: number;
  /** Of those, the ones that this call wrote; the others changed meanwhile, and are read again by who changed them. */
  upgraded: number;
  /** Documents of a version that the steps do not know, newer ones and such without any: they are left alone. */
  unknown: number;
  /** Documents that a step or the server refused: they are left alone. Absent where there are none. */
  failed?: number;
  /** The first 100 of those, with what was wrong. Absent where there are none. */
  failures?: Array<{ id: unknown; reason: string }>;
}

const listedFailures = 100;

/** Upgrades of the documents of one collection. */
export interface Upgrades {
  /** The version that the steps lead to. */
  readonly current: number;
  /**
   * A document in the layout of `current`. Pure.
   *
   * @throws IdentityError `SCHEMA_TOO_NEW`; `INVALID_INPUT` without a version that the steps know.
   */
  upgrade(document: Plain): Plain;
  /** Lazily: {@link upgrade}, and stores the result unless the document has changed since it was read. */
  upgradeOnRead(collection: Collection, document: Plain): Promise<Plain>;
  /** Eagerly: the same for every document of an older version. Can be stopped and called again. */
  upgradeAll(collection: Collection, signal?: AbortSignal): Promise<UpgradeReport>;
}

/**
 * Ties the layouts of a collection's documents together: step `n` makes version `n + 1` of version `n`. Reading and
 * the eager run go by the same steps, so that they cannot come to different results.
 *
 * @throws IdentityError `INVALID_INPUT` when the steps have a gap.
 *
 * @example
 * const upgrades = defineUpgrades({ 1: ({ name, ...rest }) => ({ ...rest, displayName: name }) });
 * const found = await collection.findOne({ _id });
 * const user = found && (await upgrades.upgradeOnRead(collection, found));
 */
export function defineUpgrades(steps: Readonly<Record<number, UpgradeStep>>): Upgrades {
  const versions = Object.keys(steps)
    .map(Number)
    .sort((a, b) => a - b);
  const gap = versions.find((version, at) => version !== (versions[0] ?? 1) + at);
  if (gap !== undefined || versions.some((version) => !(version >= 1)))
    throw new IdentityError("INVALID_INPUT", "the upgrade steps must be numbered 1, 2, … without a gap");
  const first = versions[0] ?? 1;
  const current = first + versions.length;
  const upgrade = (document: Plain) => upgraded(document, steps, first, current);
  return {
    current,
    upgrade,
    upgradeOnRead: async (collection, document) => {
      const next = upgrade(document);
      if (next !== document) await store(collection, document, next);
      return next;
    },
    upgradeAll: async (collection, signal) => {
      const report: UpgradeReport = { found: 0, upgraded: 0, unknown: 0 };
      const fail = (id: unknown, reason: string) => {
        report.failed = (report.failed ?? 0) + 1;
        report.failures ??= [];
        if (report.failures.length < listedFailures) report.failures.push({ id, reason });
      };
      // As bytes: one that the driver cannot read would end the cursor, and keep the others from being upgraded.
      for await (const raw of collection.find<Uint8Array>(
        { schemaVersion: { $ne: current } },
        { raw: true },
      )) {
        if (signal?.aborted) break;
        const { document, reason } = decoded(raw);
        if (reason !== undefined) {
          report.found += 1;
          fail(document._id, reason);
          continue;
        }
        if (!isBetween(document.schemaVersion, first, current)) {
          report.unknown += 1;
          continue;
        }
        report.found += 1;
        try {
          if (await store(collection, document, upgrade(document))) report.upgraded += 1;
        } catch (error) {
          if (!isAboutDocument(error)) throw error;
          fail(document._id, error instanceof Error ? error.message : String(error));
        }
      }
      return report;
    },
  };
}

/** A document, or what can be told of it and why it is not to be written back: replacement characters would be. */
function decoded(raw: Uint8Array): { readonly document: Plain; readonly reason?: string } {
  try {
    return { document: mongo.BSON.deserialize(raw) };
  } catch (error) {
    const document = mongo.BSON.deserialize(raw, { bsonRegExp: true, validation: { utf8: false } });
    return {
      document,
      reason: `it cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

// 121: the collection's validator refuses it; 17419 and 10334: it is too large. Anything else of the driver's is about the
// server, and no document would fare better. https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
const codesAboutDocument: readonly unknown[] = [121, 11_000, 10_334, 17_419];

function isAboutDocument(error: unknown): boolean {
  return !(error instanceof mongo.MongoError) || codesAboutDocument.includes(error.code);
}

function isBetween(version: unknown, first: number, last: number): version is number {
  return Number.isInteger(version) && (version as number) >= first && (version as number) <= last;
}

function upgraded(
  document: Plain,
  steps: Readonly<Record<number, UpgradeStep>>,
  first: number,
  current: number,
): Plain {
  const { schemaVersion } = document;
  if (!isBetween(schemaVersion, first, Number.POSITIVE_INFINITY))
    throw new IdentityError("INVALID_INPUT", "the document has no schemaVersion that the steps know");
  if (schemaVersion > current)
    throw new IdentityError(
      "SCHEMA_TOO_NEW",
      `the document has layout ${schemaVersion}; this package knows layouts up to ${current}`,
    );
  let next = document;
  for (let version = schemaVersion; version < current; version++)
    next = { ...(steps[version] as UpgradeStep)(next), schemaVersion: version + 1 };
  return next;
}

/** Replaces exactly the document that was read: what was written to it meanwhile is never overwritten. */
async function store(collection: Collection, read: Plain, next: Plain): Promise<boolean> {
  const asRead = Object.fromEntries(Object.entries(read).map(([field, value]) => [field, { $eq: value }]));
  const { _id, ...fields } = next;
  const gone = Object.keys(read).filter((field) => !(field in next));
  const added = Object.keys(next).filter((field) => !(field in read));
  const { matchedCount } = await collection.updateOne(
    { ...asRead, ...Object.fromEntries(added.map((field) => [field, { $exists: false }])) },
    {
      $set: fields,
      ...(gone.length > 0 && { $unset: Object.fromEntries(gone.map((field) => [field, ""])) }),
    },
  );
  return matchedCount === 1;
}
