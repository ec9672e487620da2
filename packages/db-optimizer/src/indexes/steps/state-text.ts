// States of indexes and collections as the journal keeps them: EJSON text.
import { mongo } from "mongoose";
import type { Document } from "../../core/model.js";
import type { ActualCollection, ActualIndex } from "../inspect.js";
import { type IndexSpec, optionTexts } from "../spec.js";

const { EJSON } = mongo.BSON;

/** An index as the journal keeps it. As text, because field names with dots and dollars are no keys of a document. */
export function specToText(spec: IndexSpec | undefined): string | null {
  return spec ? EJSON.stringify(bare(spec), { relaxed: false }) : null;
}

/** The index that {@link specToText} was given. */
export function specOfText(text: string | null | undefined): IndexSpec | undefined {
  return text ? (EJSON.parse(text, { relaxed: true }) as IndexSpec) : undefined;
}

// The names of models and the state of a build are not properties of the index.
function bare(spec: IndexSpec): IndexSpec {
  const { models: _models, building: _building, ...rest } = spec as IndexSpec & Record<string, unknown>;
  return rest as unknown as IndexSpec;
}

/** Whether two indexes behave alike; absent ones are alike. */
export function sameIndex(a: IndexSpec | undefined, b: IndexSpec | undefined): boolean {
  if (!a || !b) return a === b;
  return JSON.stringify(optionTexts(a)) === JSON.stringify(optionTexts(b));
}

/** The index of this name, if the collection has one. */
export function indexNamed(collection: ActualCollection | undefined, name: string): ActualIndex | undefined {
  return collection?.indexes.find((index) => index.name === name);
}

/** A collection's state as the journal keeps it: validators have keys that are no keys of a document. */
export function stateText(state: Document): string {
  return EJSON.stringify(state, { relaxed: false });
}

/** The state that {@link stateText} was given. */
export function stateOfText(text: string): Document {
  return EJSON.parse(text, { relaxed: true }) as Document;
}
