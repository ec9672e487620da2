// Sizes of documents and lengths of arrays in a sample.
import { mongo } from "mongoose";
import type { Document } from "../core/model.js";

/** An array field as it was found in a sample. */
export interface ArrayField {
  /** Dotted path; `[]` stands for the elements of an array. */
  readonly path: string;
  readonly medianLength: number;
  readonly longest: number;
  /** `_id` of the document with the longest. */
  readonly longestId: unknown;
}

/** The shape of a collection's documents, from a sample. */
export interface SampleShape {
  readonly sampled: number;
  readonly medianBytes: number;
  readonly largestBytes: number;
  /** `_id` of the largest. */
  readonly largestId: unknown;
  /** The longest first. */
  readonly arrays: readonly ArrayField[];
}

interface Lengths {
  readonly all: number[];
  longest: number;
  longestId: unknown;
}

/** Measures a sample: sizes of documents, lengths of arrays at any depth. Pure. */
export function shapeOf(documents: readonly Document[]): SampleShape {
  const sizes: number[] = [];
  const arrays = new Map<string, Lengths>();
  let [largestBytes, largestId] = [0, undefined as unknown];
  for (const document of documents) {
    const size = mongo.BSON.calculateObjectSize(document);
    sizes.push(size);
    if (size > largestBytes) [largestBytes, largestId] = [size, document._id];
    collect(document, "", document._id, arrays);
  }
  return {
    sampled: documents.length,
    medianBytes: median(sizes),
    largestBytes,
    largestId,
    arrays: [...arrays]
      .map(([path, { all, longest, longestId }]) => ({ path, medianLength: median(all), longest, longestId }))
      .sort((one, other) => other.longest - one.longest),
  };
}

function collect(value: unknown, path: string, id: unknown, arrays: Map<string, Lengths>): void {
  if (Array.isArray(value)) {
    const found = arrays.get(path) ?? { all: [], longest: -1, longestId: undefined };
    found.all.push(value.length);
    if (value.length > found.longest) Object.assign(found, { longest: value.length, longestId: id });
    arrays.set(path, found);
    for (const element of value) collect(element, `${path}[]`, id, arrays);
    return;
  }
  // Dates, ids and the like are values, not documents.
  if (value === null || typeof value !== "object" || "_bsontype" in value) return;
  if (Object.getPrototypeOf(value) !== Object.prototype) return;
  for (const [key, inner] of Object.entries(value)) collect(inner, path ? `${path}.${key}` : key, id, arrays);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
