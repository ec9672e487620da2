import type { SchemaDefinitionProperty, SchemaOptions } from "mongoose";

/** Expiry is decided on read; a TTL index on `purgeAt` only collects garbage, at once when the date has passed. */
export const purgeAtTtl = { name: "purge_ttl", expireAfterSeconds: 0 } as const;

/**
 * Collections and indexes are made by an explicit setup, never as a side effect of a request.
 *
 * @param shardKey - of a collection that grows without bound: the hot queries compare it for equality, and the unique
 * indexes begin with it. By range, so that an index which is there anyway supports it.
 */
export function schemaOptions(collection: string, shardKey?: Readonly<Record<string, 1>>) {
  return {
    collection,
    ...(shardKey && { shardKey }),
    strict: "throw",
    strictQuery: "throw",
    versionKey: false,
    autoIndex: false,
    autoCreate: false,
    minimize: false,
  } as const satisfies SchemaOptions;
}

export const text = (maxlength: number) => ({ type: String, maxlength, trim: true });
export const requiredText = (maxlength: number) => ({ ...text(maxlength), required: true });
/** Text of somebody else, kept as it is: an empty one too. */
export const keptText = (maxlength: number) => ({ type: String, maxlength, default: "" });
/** 256 bits in base64url, where a protocol or an export has them as text. */
export const hashText = { type: String, minlength: 43, maxlength: 43 } as const;
/** SHA-256: of a secret that is verified by it. */
export const hash = bytes(32);
/** The first half of SHA-256: of a random value that is only looked up by it. */
export const lookupHash = bytes(16);
export const count = { type: Number, required: true, default: 0, min: 0 };
/** A number that is absent for 0. */
export const absentCount = { type: Number, min: 0 };
export const requiredDate = { type: Date, required: true };

function bytes(length: number) {
  return {
    type: Buffer,
    validate: {
      validator: (value: Uint8Array | null | undefined) => (value?.length ?? length) === length,
      message: `must have ${length} bytes`,
    },
  } as const;
}

/** A list that is absent when it is empty. */
export function absentable<T extends object>(listed: T) {
  return { ...listed, default: undefined };
}

/** An array with at most `maxItems` items; the option is read again by the validators and the reference. */
export function list<T extends SchemaDefinitionProperty>(item: T, maxItems: number) {
  return {
    type: [item],
    default: [],
    maxItems,
    validate: {
      validator: (items: unknown[]) => items.length <= maxItems,
      message: `at most ${maxItems} items`,
    },
  };
}
