import type { mongo } from "mongoose";

import type { Document } from "../model.js";
import type { ExpectedCollection } from "./collections.js";
import type { JsonSchema } from "./json-schema.js";
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

/**
 * Holds a random sample of a collection against its derived validator, whatever validator the server has. Reads only;
 * `undefined` for a collection of which no validator can be derived.
 *
 * @param size documents to sample, at most
 */
export async function sampleSchema(
  db: mongo.Db,
  { collection, schema }: Pick<ExpectedCollection, "collection" | "schema">,
  size: number,
  maxTimeMS: number,
): Promise<SchemaSample | undefined> {
  if (!schema) return undefined;
  const options = { promoteValues: false, maxTimeMS };
  const sample = await db
    .collection(collection)
    .aggregate([{ $sample: { size } }], options)
    .toArray();
  return { collection, ...countViolations(schema, sample) };
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
