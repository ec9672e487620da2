// Sizes of documents and lengths of arrays, of a sample or of every document.
import { mongo } from "mongoose";
import type { Document } from "../core/model.js";
import { Tally, type TallyState } from "./tally.js";

/** An array field as it was found. */
export interface ArrayField {
  /** Dotted path; `[]` stands for the elements of an array. */
  readonly path: string;
  readonly medianLength: number;
  readonly longest: number;
  /** `_id` of the document with the longest. */
  readonly longestId: unknown;
}

/** The shape of a collection's documents. */
export interface SampleShape {
  /** Documents that were looked at. */
  readonly sampled: number;
  /** Median bytes of a document; to two digits where sizes differ widely. */
  readonly medianBytes: number;
  readonly largestBytes: number;
  /** `_id` of the largest. */
  readonly largestId: unknown;
  /** The longest first; the {@link mostArrays} with the longest, where there are more. */
  readonly arrays: readonly ArrayField[];
}

/** A document that is the most of something. */
interface Most {
  readonly value: number;
  readonly id: unknown;
}

/** What was found so far, as a run's record keeps it. */
export interface ShapeState {
  readonly sizes: TallyState;
  readonly largest: Most;
  readonly arrays: readonly { readonly path: string; readonly lengths: TallyState; readonly longest: Most }[];
}

/** Paths that are remembered: those of keys that are data, such as ids of users, have no end. */
const mostArrays = 200;
const none: Most = { value: 0, id: undefined };

/** Adds documents up to a shape, in memory that does not grow with their number. */
export class ShapeCount {
  readonly #sizes: Tally;
  #largest: Most;
  readonly #arrays: Map<string, { readonly lengths: Tally; longest: Most }>;

  constructor(state?: ShapeState) {
    this.#sizes = new Tally(state?.sizes);
    this.#largest = state?.largest ?? none;
    this.#arrays = new Map(
      state?.arrays.map(({ path, lengths, longest }) => [path, { lengths: new Tally(lengths), longest }]),
    );
  }

  /** @param bytes of the document as it is stored */
  add(document: Document, bytes: number): void {
    this.#sizes.add(bytes);
    if (bytes > this.#largest.value) this.#largest = { value: bytes, id: document._id };
    this.#collect(document, "", document._id);
  }

  /** The shape of what was added. */
  shape(): SampleShape {
    return {
      sampled: this.#sizes.count,
      medianBytes: this.#sizes.median(),
      largestBytes: this.#largest.value,
      largestId: this.#largest.id,
      arrays: this.#longestFirst()
        .slice(0, mostArrays)
        .map(([path, { lengths, longest }]) => ({
          path,
          medianLength: lengths.median(),
          longest: longest.value,
          longestId: longest.id,
        })),
    };
  }

  /** What the constructor takes to go on from here. */
  state(): ShapeState {
    return {
      sizes: this.#sizes.state(),
      largest: this.#largest,
      arrays: this.#longestFirst()
        .slice(0, mostArrays)
        .map(([path, { lengths, longest }]) => ({ path, lengths: lengths.state(), longest })),
    };
  }

  #longestFirst() {
    return [...this.#arrays].sort(([, one], [, other]) => other.longest.value - one.longest.value);
  }

  #collect(value: unknown, path: string, id: unknown): void {
    if (Array.isArray(value)) {
      this.#noteArray(path, value.length, id);
      for (const element of value) this.#collect(element, `${path}[]`, id);
      return;
    }
    // Dates, ids and the like are values, not documents.
    if (value === null || typeof value !== "object" || "_bsontype" in value) return;
    if (Object.getPrototypeOf(value) !== Object.prototype) return;
    for (const [key, inner] of Object.entries(value)) this.#collect(inner, path ? `${path}.${key}` : key, id);
  }

  #noteArray(path: string, length: number, id: unknown): void {
    const found = this.#arrays.get(path) ?? { lengths: new Tally(), longest: { value: -1, id: undefined } };
    found.lengths.add(length);
    if (length > found.longest.value) found.longest = { value: length, id };
    this.#arrays.set(path, found);
    if (this.#arrays.size > 2 * mostArrays)
      for (const [shortest] of this.#longestFirst().slice(mostArrays)) this.#arrays.delete(shortest);
  }
}

/** Measures a sample: sizes of documents, lengths of arrays at any depth. Pure. */
export function shapeOf(documents: readonly Document[]): SampleShape {
  const count = new ShapeCount();
  for (const document of documents) count.add(document, mongo.BSON.calculateObjectSize(document));
  return count.shape();
}
