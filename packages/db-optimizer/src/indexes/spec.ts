// An index in canonical form.
import type { Document } from "../core/model.js";
import { canonicalFilter, canonicalProjection, sortKeys, stableText } from "./canonical.js";
import { type Collation, canonicalCollation } from "./collation.js";

/** `1` and `-1` for ordinary keys, otherwise the name of the special kind. */
export type IndexKeyKind = 1 | -1 | "text" | "hashed" | "2d" | "2dsphere" | (string & {});

/** One part of an index, in its place. */
export interface IndexKey {
  readonly field: string;
  readonly kind: IndexKeyKind;
}

/** Settings that only a text index has. */
export interface TextSettings {
  readonly weights: Readonly<Record<string, number>>;
  readonly defaultLanguage: string;
  readonly languageOverride: string;
}

/** An index in canonical form: indexes that behave alike have equal specs, whether declared or read from a server. */
export interface IndexSpec {
  readonly collection: string;
  readonly name: string;
  /** In order. The fields of a text index stand together, sorted, where MongoDB keeps `_fts`. */
  readonly keys: readonly IndexKey[];
  readonly unique: boolean;
  readonly sparse: boolean;
  readonly hidden: boolean;
  readonly prepareUnique: boolean;
  /** Seconds after the date in the key until the server deletes the document. */
  readonly expireAfterSeconds?: number;
  readonly partialFilterExpression?: Document;
  /** `null`: binary comparison. `undefined`: whatever the collection's default is. */
  readonly collation: Collation | null | undefined;
  readonly text?: TextSettings;
  readonly wildcardProjection?: Document;
  /** Settings of 2d indexes, with the server's defaults filled in. */
  readonly geo2d?: Readonly<{ bits: number; min: number; max: number }>;
}

const geo2dDefaults = { bits: 26, min: -180, max: 180 } as const;

/** Brings an index, declared by a schema or reported by `listIndexes`, into canonical form. */
export function canonicalIndex(collection: string, key: Document, options: Document): IndexSpec {
  const keys = canonicalKeys(key, options.weights as Document | undefined);
  const kinds = new Set(keys.map(({ kind }) => kind));
  // The server ignores `sparse` for kinds that never hold a document without the field.
  const alwaysSparse = ["text", "2d", "2dsphere"].some((kind) => kinds.has(kind)) || isWildcard(keys);
  const filter = options.partialFilterExpression as Document | undefined;
  return {
    collection,
    name: typeof options.name === "string" ? options.name : defaultName(key),
    keys,
    unique: isTrue(options.unique),
    sparse: isTrue(options.sparse) && !alwaysSparse,
    hidden: isTrue(options.hidden),
    prepareUnique: isTrue(options.prepareUnique),
    ...expiryOf(options.expireAfterSeconds),
    ...(filter && Object.keys(filter).length > 0 && { partialFilterExpression: filter }),
    collation: canonicalCollation(options.collation as Document | undefined),
    ...(kinds.has("text") && { text: textSettings(keys, options) }),
    ...(options.wildcardProjection !== undefined && {
      wildcardProjection: options.wildcardProjection as Document,
    }),
    ...(kinds.has("2d") && { geo2d: geo2dSettings(options) }),
  };
}

/**
 * Whether the server takes a value for true: any number but 0, and whatever is neither a number nor null. Pure.
 *
 * @see https://github.com/mongodb/mongo/blob/master/src/mongo/bson/bsonelement.h `BSONElement::trueValue`
 */
export function isTrue(value: unknown): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === "boolean") return value;
  const number = numberOf(value);
  return number === undefined || number !== 0;
}

const numberClasses: readonly unknown[] = ["Int32", "Long", "Double", "Decimal128"];

/** The value of a number, or of one of the driver's classes for numbers, as a dump's metadata has them; of nothing else. Pure. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === "number" || typeof value === "bigint") return Number(value);
  const { _bsontype: name } = (value ?? {}) as { _bsontype?: unknown };
  return numberClasses.includes(name) ? Number(String(value)) : undefined;
}

// The server counts whole seconds. What is no number at all stays visible as NaN: it equals no declared expiry.
function expiryOf(value: unknown): Pick<IndexSpec, "expireAfterSeconds"> {
  if (value === undefined) return {};
  return { expireAfterSeconds: Math.trunc(numberOf(value) ?? Number.NaN) };
}

// As the server names an index without a name.
function defaultName(key: Document): string {
  return Object.entries(key)
    .map(([field, kind]) => `${field}_${canonicalKind(kind)}`)
    .join("_");
}

function canonicalKeys(key: Document, weights: Document | undefined): IndexKey[] {
  const text = Object.entries(key).filter(([field, kind]) => kind === "text" && field !== "_fts");
  const textFields = "_fts" in key ? Object.keys(weights ?? {}) : text.map(([field]) => field);
  const textKeys = textFields.sort().map((field): IndexKey => ({ field, kind: "text" }));
  let placed = false;
  return Object.entries(key).flatMap(([field, value]) => {
    if (field === "_ftsx") return [];
    const kind = canonicalKind(value);
    if (kind !== "text") return [{ field, kind }];
    if (placed) return [];
    placed = true;
    return textKeys;
  });
}

/** The words that the driver takes for a direction. */
const directions: ReadonlyMap<string, 1 | -1> = new Map([
  ["1", 1],
  ["asc", 1],
  ["ascending", 1],
  ["-1", -1],
  ["desc", -1],
  ["descending", -1],
]);

export const isDirectionName = (kind: string): boolean => directions.has(kind);

function canonicalKind(value: unknown): IndexKeyKind {
  if (value === true) return 1;
  if (typeof value === "string") return directions.get(value) ?? value;
  return (numberOf(value) ?? 1) < 0 ? -1 : 1;
}

function textSettings(keys: readonly IndexKey[], options: Document): TextSettings {
  const fields = keys.filter(({ kind }) => kind === "text").map(({ field }) => field);
  const weights = Object.fromEntries(
    Object.entries((options.weights ?? {}) as Document).map(([field, weight]) => [
      field,
      numberOf(weight) ?? weight,
    ]),
  ) as Record<string, number>;
  return {
    weights: sortKeys({ ...Object.fromEntries(fields.map((field) => [field, 1])), ...weights }),
    defaultLanguage: String(options.default_language ?? "english"),
    languageOverride: String(options.language_override ?? "language"),
  };
}

function geo2dSettings(options: Document) {
  const given = (name: keyof typeof geo2dDefaults) => numberOf(options[name]) ?? geo2dDefaults[name];
  return { bits: given("bits"), min: given("min"), max: given("max") };
}

/** Whether the index is on a pattern of field names rather than on fields. */
export function isWildcard(keys: readonly IndexKey[]): boolean {
  return keys.some(({ field }) => field === "$**" || field.endsWith(".$**"));
}

/** True for indexes that are made of ordinary ascending and descending keys only. */
export function isOrdered({ keys }: Pick<IndexSpec, "keys">): boolean {
  return !isWildcard(keys) && keys.every(({ kind }) => kind === 1 || kind === -1);
}

/** An option by which two indexes on the same keys can differ. */
export type IndexOption =
  | "keys"
  | "unique"
  | "sparse"
  | "hidden"
  | "prepareUnique"
  | "expireAfterSeconds"
  | "partialFilterExpression"
  | "collation"
  | "text"
  | "wildcardProjection"
  | "geo2d";

/** Each option as a text that is equal exactly when the option is. */
export function optionTexts(spec: IndexSpec): Record<IndexOption, string> {
  return {
    keys: keysText(spec),
    unique: String(spec.unique),
    sparse: String(spec.sparse),
    hidden: String(spec.hidden),
    prepareUnique: String(spec.prepareUnique),
    expireAfterSeconds: String(spec.expireAfterSeconds ?? "none"),
    partialFilterExpression: filterText(spec),
    collation: collationText(spec),
    text: stableText(spec.text),
    wildcardProjection: spec.wildcardProjection ? canonicalProjection(spec.wildcardProjection) : "none",
    geo2d: stableText(spec.geo2d),
  };
}

/**
 * Whether the index compares text by its bytes.
 *
 * @param collated - whether its collection has a collation, which an index without one takes over.
 */
export function isByBytes({ collation }: Pick<IndexSpec, "collation">, collated: boolean): boolean {
  return collation === null || (collation === undefined && !collated);
}

/** The keys in order, as one text. */
export function keysText({ keys }: Pick<IndexSpec, "keys">): string {
  return JSON.stringify(keys.map(({ field, kind }) => [field, kind]));
}

/** The partial filter as a text that is equal exactly when the filter says the same. */
export function filterText({ partialFilterExpression: filter }: IndexSpec): string {
  return filter ? canonicalFilter(filter) : "none";
}

/** The collation as a text that is equal exactly when the collation is. */
export function collationText({ collation }: Pick<IndexSpec, "collation">): string {
  return collation ? JSON.stringify(sortKeys({ ...collation })) : "simple";
}

/**
 * Whether an index of these kinds of keys compares bytes whatever is asked for: the server refuses it a collation.
 *
 * @see https://www.mongodb.com/docs/manual/reference/collation/#collation-and-unsupported-index-types
 */
export function isSimpleOnly(kinds: readonly unknown[]): boolean {
  return kinds.includes("text") || kinds.includes("2d");
}

/** The spec of an index in a collection with this default collation: what `undefined` stood for is filled in. */
export function resolveCollation<T extends IndexSpec>(spec: T, collectionDefault: Collation | null): T {
  if (spec.collation !== undefined) return spec;
  return { ...spec, collation: isSimpleOnly(spec.keys.map(({ kind }) => kind)) ? null : collectionDefault };
}
