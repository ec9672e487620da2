// Holds samples of collections against the validators that models imply.
import type { mongo } from "mongoose";
import { asStored } from "../core/bson/exact.js";
import { toOptimizerError } from "../core/errors.js";
import { mapLimited } from "../core/limited.js";
import type { Document } from "../core/model.js";
import { ownWork } from "../core/server/own-work.js";
import type { ExpectedCollection } from "./collections.js";
import type { JsonSchema } from "./schema-types.js";
import { type Violation, type ViolationKind, violationsOf } from "./violations.js";

/** One place at which sampled documents break a schema. */
export interface BrokenPath {
  readonly path: string;
  readonly kind: ViolationKind;
  /** Sampled documents that break it there. */
  readonly documents: number;
}

/** How sampled documents of a collection stand to the validator that its model implies. */
export interface SchemaSample {
  readonly collection: string;
  readonly sampled: number;
  /** Of these, how many the validator would refuse. */
  readonly failing: number;
  /** The commonest first. */
  readonly paths: readonly BrokenPath[];
}

const mostPaths = 20;

const atOnce = 2;

/**
 * Holds random samples of collections against their derived validators, whatever validators the server has. Reads only;
 * a collection of which no validator can be derived is left out.
 *
 * @param size documents to sample of each, at most
 * @param maxTimeMS what reading a sample may take. Default 30 s
 * @throws {OptimizerError} whatever reading a sample fails with
 */
export async function sampleSchemas(
  db: mongo.Db,
  collections: readonly ExpectedCollection[],
  size: number,
  maxTimeMS = 30_000,
): Promise<SchemaSample[]> {
  return sampleEach(db, collections, { size, maxTimeMS }, (_documents, sample) => sample);
}

/** {@link sampleSchemas} with the sampled documents themselves, for further checks. */
export async function sampleEach<T>(
  db: mongo.Db,
  collections: readonly ExpectedCollection[],
  { size, maxTimeMS }: { readonly size: number; readonly maxTimeMS: number },
  look: (documents: readonly Document[], sample: SchemaSample) => T,
): Promise<T[]> {
  const options = { promoteValues: false, ...asStored, maxTimeMS, ...ownWork };
  const samples = await mapLimited(collections, atOnce, async ({ collection, schema }) => {
    if (!schema) return [];
    try {
      const documents = await db
        .collection(collection)
        .aggregate([{ $sample: { size } }], options)
        .toArray();
      return [look(documents, { collection, ...countViolations(schema, documents) })];
    } catch (error) {
      throw toOptimizerError(error, `Cannot sample ${collection}`);
    }
  });
  return samples.flat();
}

/** Violations of many documents by path. Pure. */
export function countViolations(
  schema: JsonSchema,
  documents: readonly Document[],
): Omit<SchemaSample, "collection"> {
  const counts = new Map<string, { path: string; kind: ViolationKind; documents: number }>();
  let failing = 0;
  for (const document of documents) {
    const found = distinct(violationsOf(schema, document));
    if (found.length > 0) failing += 1;
    for (const { path, kind } of found) {
      const key = `${kind} ${path}`;
      counts.set(key, { path, kind, documents: (counts.get(key)?.documents ?? 0) + 1 });
    }
  }
  const name = ({ path, kind }: BrokenPath) => `${path} ${kind}`;
  const paths = [...counts.values()].sort(
    (a, b) => b.documents - a.documents || (name(a) < name(b) ? -1 : 1),
  );
  return { sampled: documents.length, failing, paths: paths.slice(0, mostPaths) };
}

function distinct(violations: readonly Violation[]): Violation[] {
  return [...new Map(violations.map((found) => [`${found.kind} ${found.path}`, found])).values()];
}
